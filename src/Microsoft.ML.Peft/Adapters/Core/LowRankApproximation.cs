using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The best approximation of a matrix by a product of thin factors (Eckart and Young 1936).</summary>
internal static class LowRankApproximation
{
    /// <summary>A (r, n) and B (m, r) with B·A closest to the matrix (m, n).</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="rank">Largest r; fewer where the matrix has fewer directions.</param>
    /// <param name="clamp">Quantile of all numbers of both factors to which they are clamped, or null.</param>
    public static (Tensor A, Tensor B) Of(Tensor matrix, long rank, double? clamp = null)
    {
        var (u, values, vh) = linalg.svd(matrix.to(ScalarType.Float32), fullMatrices: false);
        rank = Math.Min(rank, values.size(0));
        var b = u.narrow(1, 0, rank) * values.narrow(0, 0, rank);
        var a = vh.narrow(0, 0, rank);
        if (clamp is not { } quantile)
        {
            return (a, b);
        }

        var bound = cat([b.reshape(-1), a.reshape(-1)]).quantile(tensor((float)quantile)).item<float>();
        return (a.clamp(-bound, bound), b.clamp(-bound, bound));
    }
}
