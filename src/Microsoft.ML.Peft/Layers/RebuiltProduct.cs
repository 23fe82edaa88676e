using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Layers;

/// <summary><c>x·Wᵀ</c> for a weight that is rebuilt in the forward pass and once more in the backward pass, where columns I may be replaced by C (out, r).</summary>
/// <remarks>Neither x nor a dense weight is kept for the backward pass: nothing without columns, x[…, I] and C with them.
/// With G the gradient of the output: <c>dx = G·W</c>, <c>dC = Gᵀ·x[…, I]</c>.</remarks>
internal sealed class RebuiltProduct : autograd.SingleTensorFunction<RebuiltProduct>
{
    private sealed record Call(BaseWeight Weight, bool MovesInput, bool HasColumns);

    /// <inheritdoc/>
    public override string Name => nameof(RebuiltProduct);

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) // x (…, in), the weight; C (out, r) and I (r), or neither
    {
        var (x, weight) = ((Tensor)vars[0], (BaseWeight)vars[1]);
        ctx.save_data(nameof(Call), new Call(weight, x.requires_grad, vars.Length > 2));
        if (vars.Length == 2)
        {
            return Product(x, weight.Dense());
        }

        var (columns, indices) = ((Tensor)vars[2], (Tensor)vars[3]);
        ctx.save_for_backward([x.reshape(-1, weight.Columns).index_select(1, indices), columns, indices]);
        return Product(x, weight.Dense().index_copy_(1, indices, columns));
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope(); // on a GPU's thread there is no other
        var call = (Call)ctx.get_data(nameof(Call));
        var weight = call.MovesInput ? call.Weight.Dense() : null;
        if (!call.HasColumns)
        {
            return [weight is null ? null! : grad_output.matmul(weight).MoveToOuterDisposeScope(), null!];
        }

        var saved = ctx.get_saved_variables();
        var flat = grad_output.reshape(-1, grad_output.size(-1)); // G (tokens, out)
        var input = weight is null ? null! : grad_output.matmul(weight.index_copy_(1, saved[2], saved[1])).MoveToOuterDisposeScope();
        return [input, null!, flat.t().mm(saved[0]).MoveToOuterDisposeScope(), null!];
    }

    private static Tensor Product(Tensor x, Tensor weight)
    {
        using var rebuilt = weight;
        return linear(x, rebuilt);
    }
}
