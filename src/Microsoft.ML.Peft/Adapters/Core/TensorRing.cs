using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Matrices and vectors written as tensor rings: each number is the trace of a product of small matrices.</summary>
/// <remarks>
/// <para>Matrix: <c>M[j, i] = tr(G¹[j₁, i₁]·…·Gᴰ[j_D, i_D])</c> of cores (J_d, I_d, R, R), M (∏J, ∏I); a core (J_d, I_d) has R = 1, and all of
/// them the Kronecker product <c>G¹ ⊗ … ⊗ Gᴰ</c>. Indices are row-major: the first one is the slowest.</para>
/// <para>Source: Zhao et al. 2016, arXiv:1606.05535.</para>
/// </remarks>
internal static class TensorRing
{
    /// <summary>The matrix (∏J, ∏I).</summary>
    public static Tensor Matrix(IReadOnlyList<Tensor> cores)
    {
        var (product, rows, columns) = (Core(cores[0]), cores[0].size(0), cores[0].size(1));
        if (cores.Count == 1)
        {
            return Closed(product);
        }

        for (var d = 1; d < cores.Count; d++)
        {
            var core = Core(cores[d]);
            (rows, columns) = (rows * core.size(0), columns * core.size(1));
            product = d < cores.Count - 1
                ? einsum("abrq,cdqs->acbdrs", product, core).reshape(rows, columns, core.size(2), core.size(3))
                : einsum("abrq,cdqr->acbd", product, core).reshape(rows, columns);
        }

        return product;
    }

    /// <summary>x (…, ∏I) times the transposed matrix, core by core: (…, ∏J) at Θ(R³·Σ_d J_d) numbers an input.</summary>
    public static Tensor Multiply(Tensor x, IReadOnlyList<Tensor> cores)
    {
        if (cores.Count == 1)
        {
            return nn.functional.linear(x, Closed(Core(cores[0])));
        }

        // (done, ring start, ring, next index, rest): what is done grows to the left while the rest gets shorter.
        var (rest, outputs, rank) = (x.size(-1) / cores[0].size(1), cores[0].size(0), Core(cores[0]).size(2));
        var state = einsum("pjs,ijxq->pixqs", x.reshape(-1, cores[0].size(1), rest), Core(cores[0]));
        for (var d = 1; d < cores.Count; d++)
        {
            var core = Core(cores[d]);
            (rest, outputs) = (rest / core.size(1), outputs * core.size(0));
            state = state.reshape(state.size(0) * state.size(1), rank, rank, core.size(1), rest);
            state = einsum(d < cores.Count - 1 ? "pxrjs,ijrq->pixqs" : "pxrjs,ijrx->pis", state, core);
        }

        return state.reshape([.. x.shape[..^1], outputs]);
    }

    /// <summary>The products (∏n, R, R) of cores (n_d, R, R), one for each row-major index.</summary>
    public static Tensor Products(IReadOnlyList<Tensor> cores)
        => cores.Skip(1).Aggregate(cores[0], (left, core) => left.unsqueeze(1).matmul(core.unsqueeze(0)).flatten(0, 1));

    private static Tensor Core(Tensor core) => core.dim() == 2 ? core.unsqueeze(-1).unsqueeze(-1) : core;

    private static Tensor Closed(Tensor core) => core.diagonal(0, 2, 3).sum(-1);
}
