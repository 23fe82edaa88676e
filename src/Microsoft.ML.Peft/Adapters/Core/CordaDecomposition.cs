using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Directions of a weight times the covariance of its inputs.</summary>
internal static class CordaDecomposition
{
    private const double FirstDamping = 0.01;
    private const double InverseError = 0.05;

    /// <summary>U (out, r), S (r) and C̃⁻¹·V (in, r) of <c>W·C̃ = U·S·Vᵀ</c>.</summary>
    /// <param name="path">Path of the layer, for messages.</param>
    /// <param name="weight">W (out, in).</param>
    /// <param name="covariance">C (in, in), Float32; C̃ is C with a diagonal that makes it invertible.</param>
    /// <param name="rank">r.</param>
    /// <param name="method">The largest or the smallest.</param>
    /// <exception cref="PeftException">The covariance is zero, or no number.</exception>
    public static (Tensor U, Tensor S, Tensor V) Of(string path, Tensor weight, Tensor covariance, int rank, CordaMethod method)
    {
        using var scope = NewDisposeScope();
        var (unit, mean) = (eye(covariance.size(0), device: covariance.device), covariance.diagonal().mean());
        if (!(mean.item<float>() is > 0 and < float.PositiveInfinity))
        {
            throw new PeftException($"The inputs of '{path}' have the mean square {mean.item<float>()}, so CorDA cannot start from them; look at the training rows.");
        }

        Tensor damped, inverse;
        var damping = FirstDamping;
        do
        {
            damped = covariance + unit.mul(mean).mul(damping);
            inverse = linalg.inv(damped);
            damping *= 2;
        }
        while (!(damped.mm(inverse).sub(unit).norm().item<float>() < InverseError)); // in the end it is about a multiple of the unit matrix

        var (u, s, vh) = linalg.svd(weight.to(ScalarType.Float32).mm(damped), fullMatrices: false);
        var first = method == CordaMethod.InstructionPreviewed ? 0 : s.size(0) - rank;
        return (
            u.narrow(1, first, rank).clone().MoveToOuterDisposeScope(),
            s.narrow(0, first, rank).clone().MoveToOuterDisposeScope(),
            vh.narrow(0, first, rank).mm(inverse).t().contiguous().MoveToOuterDisposeScope());
    }
}
