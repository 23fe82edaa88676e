using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The update of <see cref="RandLora"/> times its input: x (tokens, in) gives (tokens, out).</summary>
/// <remarks>The mixed matrix Ū is as large as the layer's weight. It is made again in the backward pass, for which only the shared A and B, λ, γ and, of the input, x or
/// x·B̄ are kept. A and B have no gradient.</remarks>
internal sealed class RandLoraProduct : autograd.SingleTensorFunction<RandLoraProduct>
{
    private const string InputLearns = "learns";
    private const string Inputs = "inputs";
    private const string Outputs = "outputs";
    private const string Factor = "scale";

    /// <inheritdoc/>
    public override string Name => nameof(RandLoraProduct);

    /// <summary>Ū (r·n, m) and B̄ (M, n·r) of a layer, in the type of λ and of B.</summary>
    public static (Tensor Mixed, Tensor B) Factors(Tensor a, Tensor b, Tensor lambda, Tensor gamma, long inputs, long outputs)
    {
        var mixed = a.narrow(2, 0, gamma.size(1)).to(lambda.dtype).mul(lambda.unsqueeze(2)).mul(gamma.unsqueeze(0)); // (r, n, m)
        return (mixed.flatten(0, 1), b.narrow(0, 0, Math.Max(inputs, outputs)).narrow(1, 0, gamma.size(0)).flatten(1));
    }

    /// <summary>What is kept for the backward pass.</summary>
    /// <param name="input">Of the input, x (tokens, in) of a layer with more outputs, x·B̄ (tokens, n·r) of one with fewer.</param>
    /// <param name="factors">A, B, λ and γ themselves, which take no memory of their own.</param>
    internal static List<Tensor> Kept(Tensor input, params ReadOnlySpan<Tensor> factors) => [input, .. factors];

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) // x, A, B, λ, γ, out, s
    {
        var (x, a, b, lambda, gamma) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3], (Tensor)vars[4]);
        var (outputs, scale) = ((long)vars[5], (double)vars[6]);
        var (mixed, right) = Factors(a, b, lambda, gamma, x.size(1), outputs);
        (mixed, right) = (mixed.to(x.dtype), right.to(x.dtype));
        var isTall = x.size(1) <= outputs;
        var low = x.mm(isTall ? mixed.t() : right).mul(scale); // (tokens, n·r)
        ctx.save_for_backward(Kept(isTall ? x : low, a, b, lambda, gamma));
        ctx.save_data(InputLearns, x.requires_grad);
        ctx.save_data(Inputs, x.size(1));
        ctx.save_data(Outputs, outputs);
        ctx.save_data(Factor, scale);
        return low.mm(isTall ? right.t() : mixed);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope(); // on a GPU's thread there is no other
        var saved = ctx.get_saved_variables();
        var (kept, a, b, lambda, gamma) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var (inputs, outputs, scale) = ((long)ctx.get_data(Inputs), (long)ctx.get_data(Outputs), (double)ctx.get_data(Factor));
        var (isTall, learns) = (inputs <= outputs, (bool)ctx.get_data(InputLearns));
        var (mixed, right) = Factors(a, b, lambda, gamma, inputs, outputs);
        (mixed, right) = (mixed.to(kept.dtype), right.to(kept.dtype));
        Tensor ofMixed, ofX = null!;
        if (isTall)
        {
            var ofLow = grad_output.mm(right).mul_(scale);
            (ofMixed, ofX) = (ofLow.t().mm(kept), learns ? ofLow.mm(mixed) : null!);
        }
        else
        {
            ofMixed = kept.t().mm(grad_output);
            ofX = learns ? grad_output.mm(mixed.t()).mul_(scale).mm(right.t()) : null!;
        }

        var byA = ofMixed.to(lambda.dtype).view(lambda.size(0), gamma.size(0), gamma.size(1)).mul(a.narrow(2, 0, gamma.size(1)).to(lambda.dtype)); // (r, n, m)
        var (ofLambda, ofGamma) = (byA.mul(gamma.unsqueeze(0)).sum([2L]), byA.mul(lambda.unsqueeze(2)).sum([0L]));
        return [ofX?.MoveToOuterDisposeScope()!, null!, null!, ofLambda.MoveToOuterDisposeScope(), ofGamma.MoveToOuterDisposeScope(), null!, null!];
    }
}
