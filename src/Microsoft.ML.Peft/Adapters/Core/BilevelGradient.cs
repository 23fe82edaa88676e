using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Gradients of a held-back loss by some parameters α, while others ω answer them: the α-step of an alternating search.</summary>
/// <remarks>First order: <c>∂L_V(ω, α)</c>. Second order, after a step ξ of ω on the training loss, <c>ω′ = ω − ξ·∂L_T(ω)</c>:
/// <c>∂L_V(ω′, α) − ξ·[∂L_T(ω⁺, α) − ∂L_T(ω⁻, α)]/(2ε)</c>, <c>ω± = ω ± ε·v</c>, <c>v = ∂L_V(ω′)</c>, ε = 0.01/‖v‖, each ∂ by α but those of ω′ and v.
/// Source: Liu, Simonyan and Yang 2018, arXiv:1806.09055, §2.3.</remarks>
/// <param name="alpha">α; it joins the graph for these losses alone.</param>
/// <param name="omega">ω, which have their numbers back afterwards, to the last bit.</param>
/// <param name="changed">Called when α joins or leaves the graph, for what is made of it before a loss.</param>
internal sealed class BilevelGradient(Tensor alpha, IReadOnlyList<Tensor> omega, Action changed)
{
    private const double Nudge = 0.01;

    /// <summary>Gradient of a loss by α with ω as it is.</summary>
    public Tensor First(Func<Tensor> loss) => WithAlpha(loss, [])[0];

    /// <summary>Gradient of the held-back loss by α, where ω takes a step on the other loss first.</summary>
    /// <param name="loss">L_T.</param>
    /// <param name="heldBack">L_V.</param>
    /// <param name="step">ξ.</param>
    public Tensor Second(Func<Tensor> loss, Func<Tensor> heldBack, double step)
    {
        var before = omega.Select(parameter => parameter.detach().clone()).ToArray();
        Move(autograd.grad([loss()], [.. omega], allow_unused: true), -step);
        var held = WithAlpha(heldBack, omega);
        var directions = held[1..];
        var length = Math.Sqrt(directions.Where(Exists).Sum(d => Math.Pow(d.norm().to(ScalarType.Float64).item<double>(), 2)));
        Restore(before);
        if (length == 0)
        {
            return held[0];
        }

        var nudge = Nudge / length;
        Move(directions, nudge);
        var plus = First(loss);
        Restore(before);
        Move(directions, -nudge);
        var minus = First(loss);
        Restore(before);
        return held[0] - ((plus - minus) * (step / (2 * nudge)));
    }

    // Gradients by α and by others.
    private Tensor[] WithAlpha(Func<Tensor> loss, IReadOnlyList<Tensor> others)
    {
        alpha.requires_grad = true;
        try
        {
            changed();
            var gradients = autograd.grad([loss()], [alpha, .. others], allow_unused: true).ToArray();
            gradients[0] = Exists(gradients[0]) ? gradients[0] : zeros_like(alpha).detach();
            return gradients;
        }
        finally
        {
            alpha.requires_grad = false;
            changed();
        }
    }

    private static bool Exists(Tensor? gradient) => gradient is not null && !gradient.IsInvalid;

    private void Move(IList<Tensor> directions, double by)
    {
        using var _ = no_grad();
        for (var k = 0; k < omega.Count; k++)
        {
            if (Exists(directions[k]))
            {
                omega[k].add_(directions[k], by);
            }
        }
    }

    private void Restore(Tensor[] numbers)
    {
        using var _ = no_grad();
        for (var k = 0; k < omega.Count; k++)
        {
            omega[k].copy_(numbers[k]);
        }
    }
}
