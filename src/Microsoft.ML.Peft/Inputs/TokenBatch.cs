using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs;

/// <summary>Token rows of one batch, padded to the longest.</summary>
/// <remarks>Its sizes and whether there is padding at all are known on the host: the forward pass asks no tensor for them.</remarks>
public sealed class TokenBatch : IDisposable
{
    /// <summary>Pads rows of ids to the longest of them.</summary>
    /// <param name="rows">One array of ids a row; none may be empty.</param>
    /// <param name="padId">The id that fills up.</param>
    /// <param name="typeIds">Token types, one array a row, or null where all are 0.</param>
    /// <param name="padLeft">True to fill up before the tokens: what a decoder continues needs its last token at the end.</param>
    /// <param name="device">Where the tensors go; null for the CPU.</param>
    /// <exception cref="ArgumentException">There is no row, or a row is empty.</exception>
    public TokenBatch(IReadOnlyList<int[]> rows, int padId, IReadOnlyList<int[]>? typeIds = null, bool padLeft = false, Device? device = null)
    {
        if (rows.Count == 0 || rows.Any(r => r.Length == 0))
        {
            throw new ArgumentException("A batch needs at least one row, and every row at least one token.", nameof(rows));
        }

        (Rows, Length) = (rows.Count, rows.Max(r => r.Length));
        Ids = Padded(rows, padId, padLeft, device);
        TypeIds = typeIds is null || typeIds.All(r => r.All(t => t == 0)) ? null : Padded(typeIds, 0, padLeft, device);
        if (rows.Any(r => r.Length < Length))
        {
            var mask = new long[Rows * Length];
            for (var k = 0; k < rows.Count; k++)
            {
                mask.AsSpan((k * (int)Length) + Start(rows[k], padLeft), rows[k].Length).Fill(1);
            }

            Mask = tensor(mask, device: device).DetachFromDisposeScope();
        }
    }

    /// <summary>Takes over tensors that are there already.</summary>
    internal TokenBatch(Tensor ids, Tensor? mask, Tensor? typeIds, long rows, long length)
        => (Ids, Mask, TypeIds, Rows, Length) = (ids, mask, typeIds, rows, length);

    /// <summary>Count of rows.</summary>
    public long Rows { get; }

    /// <summary>Tokens of the longest row.</summary>
    public long Length { get; }

    /// <summary>Ids (rows·length), Int64.</summary>
    public Tensor Ids { get; }

    /// <summary>1 for a token, 0 for padding (rows·length), or null where no row is padded.</summary>
    public Tensor? Mask { get; }

    /// <summary>Token types (rows·length), or null where all are 0.</summary>
    public Tensor? TypeIds { get; }

    /// <summary>The same rows behind a count of other tokens, which have the id and type 0 and are no padding.</summary>
    internal TokenBatch After(long count)
    {
        return new(Behind(Ids, 0), Mask is null ? null : Behind(Mask, 1), TypeIds is null ? null : Behind(TypeIds, 0), Rows, count + Length);

        Tensor Behind(Tensor flat, long value)
            => cat([full([Rows, count], value, flat.dtype, flat.device), flat.view(Rows, Length)], 1).view(-1);
    }

    /// <summary>Some of the rows, in tensors of their own.</summary>
    internal TokenBatch Select(Tensor index)
    {
        return new(Of(Ids), Mask is null ? null : Of(Mask), TypeIds is null ? null : Of(TypeIds), index.size(0), Length);

        Tensor Of(Tensor flat) => flat.view(Rows, Length).index_select(0, index).view(-1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ids.Dispose();
        Mask?.Dispose();
        TypeIds?.Dispose();
    }

    private int Start(int[] row, bool padLeft) => padLeft ? (int)Length - row.Length : 0;

    private Tensor Padded(IReadOnlyList<int[]> rows, int fill, bool padLeft, Device? device)
    {
        var flat = new long[Rows * Length];
        Array.Fill(flat, fill);
        for (var k = 0; k < rows.Count; k++)
        {
            var start = (k * Length) + Start(rows[k], padLeft);
            for (var t = 0; t < rows[k].Length; t++)
            {
                flat[start + t] = rows[k][t];
            }
        }

        return tensor(flat, device: device).DetachFromDisposeScope();
    }
}
