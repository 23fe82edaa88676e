using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The singular value decomposition that PyTorch calls <c>svd_lowrank</c>: randomised, the same for a seed.</summary>
/// <remarks>Source: Halko, Martinsson and Tropp 2009, arXiv:0909.4061, algorithms 4.4 and 5.1.</remarks>
internal static class LowRankSvd
{
    /// <summary>The <paramref name="rank"/> largest singular values and their vectors.</summary>
    /// <param name="matrix">(m, n), Float32.</param>
    /// <param name="rank">q, at most the smaller side.</param>
    /// <param name="iterations">Power iterations.</param>
    /// <param name="seed">Seed of the random projection, drawn on the CPU.</param>
    /// <returns>U (m, q), S (q), Vᵀ (q, n).</returns>
    public static (Tensor U, Tensor S, Tensor Vh) Of(Tensor matrix, long rank, int iterations, long seed)
    {
        using var generator = new Generator(unchecked((ulong)seed));
        return Of(matrix, randn([Math.Min(matrix.size(0), matrix.size(1)), rank], generator: generator).to(matrix.device), iterations);
    }

    /// <summary>The same from a random projection of the caller.</summary>
    /// <param name="matrix">(m, n), Float32.</param>
    /// <param name="projection">(min(m, n), q), normal numbers.</param>
    /// <param name="iterations">Power iterations.</param>
    public static (Tensor U, Tensor S, Tensor Vh) Of(Tensor matrix, Tensor projection, int iterations)
    {
        var isWide = matrix.size(0) < matrix.size(1);
        var tall = isWide ? matrix.t() : matrix;
        var basis = linalg.qr(tall.mm(projection)).Q;
        for (var k = 0; k < iterations; k++)
        {
            basis = linalg.qr(tall.t().mm(basis)).Q;
            basis = linalg.qr(tall.mm(basis)).Q;
        }

        var (u, s, vh) = SingularVectors.Of(basis.t().mm(tall));
        u = basis.mm(u);
        return isWide ? (vh.t(), s, u.t()) : (u, s, vh);
    }
}
