using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The singular value decomposition with the signs that PyTorch's own x64 builds give the vectors, on any LAPACK.</summary>
/// <remarks>
/// <para>Signs are free in the mathematics, but a trained matrix between singular vectors means something only with the signs that it was
/// trained with. PyTorch is built with MKL, whose <c>gesdd</c> takes other ways than LAPACK's for some shapes: a matrix of n columns
/// is reduced by QR from ⌊1.5·n⌋ rows on (LAPACK: ⌊11/6·n⌋), one of m rows by LQ from 20·m columns on (LAPACK: ⌊11/6·m⌋). Each way has
/// its own signs. Here MKL's way is taken, with whatever LAPACK there is.</para>
/// <para>Computed on the CPU in Float32, whatever the matrix is and wherever it lies, so that a file means the same on every device.</para>
/// <para>Source of the method: Anderson et al. 1999, LAPACK Users' Guide, SGESDD; the shapes were found by comparing the two.</para>
/// </remarks>
internal static class SingularVectors
{
    /// <summary>The thin decomposition; directions whose value is 0 come in no order.</summary>
    /// <param name="matrix">(m, n).</param>
    /// <returns>U (m, k), S (k), Vᵀ (k, n) with k = min(m, n), on the matrix's device.</returns>
    public static (Tensor U, Tensor S, Tensor Vh) Of(Tensor matrix)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (rows, columns) = (matrix.size(0), matrix.size(1));
        var a = matrix.to(ScalarType.Float32).cpu();
        var (u, s, vh) = rows >= columns * 3 / 2 ? Tall(a)
            : columns >= LapackLimit(rows) && columns < 20 * rows ? Wide(a)
            : linalg.svd(a, fullMatrices: false);
        return (Out(u), Out(s), Out(vh));

        Tensor Out(Tensor x) => x.to(matrix.device).contiguous().MoveToOuterDisposeScope();
    }

    private static (Tensor U, Tensor S, Tensor Vh) Tall(Tensor a)
    {
        var (q, r) = linalg.qr(a);
        var (u, s, vh) = linalg.svd(r, fullMatrices: false);
        return (q.mm(u), s, vh);
    }

    // Rows of zeros change nothing and keep LAPACK from the LQ that it would begin with.
    private static (Tensor U, Tensor S, Tensor Vh) Wide(Tensor a)
    {
        var rows = a.size(0);
        Tensor? turn = null;
        if (a.size(1) > 2 * rows)
        {
            // Turning all columns but the first m among themselves changes no sign either, and leaves 2·m columns.
            var (q, r) = linalg.qr(a.narrow(1, rows, a.size(1) - rows).t());
            (a, turn) = (cat([a.narrow(1, 0, rows), r.t()], 1), q.t());
        }

        var columns = a.size(1);
        var padded = rows;
        while (LapackLimit(padded) <= columns)
        {
            padded++;
        }

        var (u, s, vh) = linalg.svd(cat([a, zeros(padded - rows, columns)]), fullMatrices: false);
        (u, s, vh) = (u.narrow(0, 0, rows).narrow(1, 0, rows), s.narrow(0, 0, rows), vh.narrow(0, 0, rows));
        return (u, s, turn is null ? vh : cat([vh.narrow(1, 0, rows), vh.narrow(1, rows, rows).mm(turn)], 1));
    }

    // The longer side from which on LAPACK begins with QR or LQ.
    private static long LapackLimit(long shorter) => shorter * 11 / 6;
}
