using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A layer's weight as it is after rounding to few bits, in place of the weight itself: <c>W + (Q − W)</c>. Nothing of it is trained or written.</summary>
internal sealed class RoundedWeight : LinearAdapter
{
    private readonly Tensor _rounded; // (out, in), of the layer's type

    /// <param name="target">The layer, which stays as it is.</param>
    /// <param name="rounded">Q (out, in).</param>
    public RoundedWeight(LinearLayer target, Tensor rounded)
        : base(target)
    {
        using var _ = no_grad();
        _rounded = rounded.to(target.Weight.Dense().dtype, copy: true).DetachFromDisposeScope();
        register_buffer("rounded", _rounded, persistent: false);
    }

    protected internal override Tensor Materialize(Tensor weight)
        => weight + (_rounded.to(weight.dtype) - Layer.Weight.Dense().to(weight.dtype));

    protected internal override Tensor Forward(Tensor x, LayerCall below)
        => below.IsBase ? nn.functional.linear(x, _rounded, below.Bias()) : base.Forward(x, below);
}
