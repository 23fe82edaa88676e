using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A matrix (rows, columns) that is zero but for trained values at fixed flat positions <c>row·columns + column</c>.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
internal readonly record struct SparseMatrix(long Rows, long Columns)
{
    /// <summary>The dense matrix.</summary>
    /// <param name="values">The values (n).</param>
    /// <param name="positions">Their positions (n), Int64, none twice.</param>
    public Tensor Dense(Tensor values, Tensor positions)
        => zeros([Rows * Columns], values.dtype, values.device).scatter(0, positions, values).view(Rows, Columns);

    /// <summary>x (tokens, columns) times the transposed matrix: (tokens, rows).</summary>
    public Tensor Multiply(Tensor x, Tensor values, Tensor positions)
    {
        // Entry by entry costs tokens·n numbers; past the size of the matrix the matrix itself is the cheaper one.
        if (IsCheaperDense(x.size(0), values.numel()))
        {
            return nn.functional.linear(x, Dense(values, positions));
        }

        var (rows, columns) = Split(positions);
        return zeros([x.size(0), Rows], x.dtype, x.device).index_add(1, rows, x.index_select(1, columns).mul(values), 1);
    }

    /// <summary>True if a product with so many tokens costs less with the dense matrix.</summary>
    public bool IsCheaperDense(long tokens, long values) => tokens * values > Rows * Columns;

    /// <summary>Rows and columns of flat positions.</summary>
    public (Tensor Rows, Tensor Columns) Split(Tensor positions) => (positions.floor_divide(Columns), positions.remainder(Columns));
}
