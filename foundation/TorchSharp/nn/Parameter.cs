namespace TorchSharp.Modules;

/// <summary>A tensor that a module trains. It takes over the handle of the tensor it is made from.</summary>
public class Parameter : torch.Tensor
{
    public Parameter(torch.Tensor data, bool requires_grad = true) : base(Leaf(data)) => requires_grad_(requires_grad);

    // A result of recorded operations is cut off from its history: a parameter is where gradients end.
    private static torch.Tensor Leaf(torch.Tensor data)
    {
        if (data.is_leaf) return data;
        var plain = data.detach();
        data.Dispose();
        return plain;
    }
}
