using Microsoft.ML.Peft.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary><c>x·W'ᵀ + b</c> of <see cref="Paca"/> for a weight that has the trained columns s·P: what is kept for the backward pass is x[…, I], not x.</summary>
/// <remarks>With G the gradient of the output: <c>dx = G·W'</c>, <c>dP = s·Gᵀ·x[…, I]</c>, <c>db = Σ G</c> where b is trained. The weight is kept as it is, without a
/// copy, and must not be written between the two passes: libtorch refuses the backward pass then.</remarks>
internal sealed class WrittenColumns : autograd.SingleTensorFunction<WrittenColumns>
{
    private sealed record Call(double Scale, ScalarType Type, bool MovesInput, bool? MovesBias); // null where there is no bias

    /// <inheritdoc/>
    public override string Name => nameof(WrittenColumns);

    /// <summary>The product: by one node of the native library where that is there, which the CPU is done with sooner, else by <see cref="Managed"/>.</summary>
    /// <param name="x">(…, in).</param>
    /// <param name="columns">P (out, r), from whose type the gradient's is.</param>
    /// <param name="weight">W' (out, in).</param>
    /// <param name="indices">I (r).</param>
    /// <param name="scale">s.</param>
    /// <param name="bias">b (out) in the type of x, or null.</param>
    public static Tensor Product(Tensor x, Tensor columns, Tensor weight, Tensor indices, double scale, Tensor? bias)
        => ColumnProduct.IsAvailable ? ColumnProduct.Call(x, columns, weight, indices, scale, bias) : Managed(x, columns, weight, indices, scale, bias);

    /// <summary>The same by an autograd function of TorchSharp's.</summary>
    public static Tensor Managed(Tensor x, Tensor columns, Tensor weight, Tensor indices, double scale, Tensor? bias)
        => bias is null ? apply(x, columns, weight, indices, scale) : apply(x, columns, weight, indices, scale, bias);

    /// <summary>What the backward pass needs, apart from numbers.</summary>
    internal static List<Tensor> Kept(Tensor x, Tensor weight, Tensor indices) => [x.reshape(-1, weight.size(1)).index_select(1, indices), weight];

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) // x (…, in), P (out, r), W' (out, in), I (r), s, b (out) where there is one
    {
        var (x, columns, weight, bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], vars.Length > 5 ? (Tensor)vars[5] : null);
        ctx.save_for_backward(Kept(x, weight, (Tensor)vars[3]));
        ctx.save_data(nameof(Call), new Call((double)vars[4], columns.dtype, x.requires_grad, bias?.requires_grad));
        return linear(x, weight, bias);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope(); // on a GPU's thread there is no other
        var (saved, call) = (ctx.get_saved_variables(), (Call)ctx.get_data(nameof(Call)));
        var flat = grad_output.reshape(-1, grad_output.size(-1)); // G (tokens, out)
        var columns = flat.t().mm(saved[0]).mul_(call.Scale).to(call.Type);
        var input = call.MovesInput ? grad_output.matmul(saved[1]).MoveToOuterDisposeScope() : null!;
        List<Tensor> gradients = [input, columns.MoveToOuterDisposeScope(), null!, null!, null!];
        if (call.MovesBias is { } moves)
        {
            gradients.Add(moves ? flat.sum([0L]).MoveToOuterDisposeScope() : null!);
        }

        return gradients;
    }
}
