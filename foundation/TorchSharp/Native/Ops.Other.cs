namespace TorchSharp;

// Other operators.
internal static partial class Ops
{
    internal static readonly Op
        clone = new("clone"), copy_ = new("copy_"), istft = new("istft"), to_dense = new("to_dense");
}
