using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>DeBERTa's scores between contents and distances, added to those between contents.</summary>
/// <remarks>
/// <para>For query i and key j at the table row r(i, j): content to position <c>qᵢ·kᵖ_r</c>, position to content <c>kⱼ·qᵖ_r</c>.</para>
/// <para>Source: He et al. 2020, arXiv:2006.03654, §3.1, with the shared table of version 2.</para>
/// </remarks>
internal static class DisentangledBias
{
    /// <summary>The part of the scores that depends on distances.</summary>
    /// <param name="query">(batch·queries, heads·d).</param>
    /// <param name="key">(batch·keys, heads·d).</param>
    /// <param name="positionKey">Keys of the distances (rows, heads·d), or null for none.</param>
    /// <param name="positionQuery">Queries of the distances (rows, heads·d), or null for none.</param>
    /// <param name="index">Row of each pair (queries, keys), Int64.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="scale">Factor of every product.</param>
    /// <param name="hidden">(batch, 1, queries, keys), true where a pair does not count, or null where all do.</param>
    /// <returns>(batch·heads, queries, keys), the lowest finite number where a pair does not count.</returns>
    public static Tensor Scores(
        Tensor query,
        Tensor key,
        Tensor? positionKey,
        Tensor? positionQuery,
        Tensor index,
        AttentionShape shape,
        double scale,
        Tensor? hidden)
    {
        var (batch, queries, keys, heads, size) = shape;
        Tensor? scores = null; // (batch, heads, queries, keys)
        if (positionKey is not null)
        {
            var rows = PerHead(query, heads, size).bmm(PerHead(positionKey, heads, size).transpose(1, 2)); // (heads, batch·queries, rows)
            scores = rows.view(heads, batch, queries, -1)
                .gather(-1, index.view(1, 1, queries, keys).expand(heads, batch, queries, keys))
                .transpose(0, 1);
        }

        if (positionQuery is not null)
        {
            var rows = PerHead(positionQuery, heads, size).bmm(PerHead(key, heads, size).transpose(1, 2)); // (heads, rows, batch·keys)
            var toContent = rows.view(heads, -1, batch, keys)
                .gather(1, index.view(1, queries, 1, keys).expand(heads, queries, batch, keys))
                .permute(2, 0, 1, 3);
            scores = scores is null ? toContent : scores + toContent;
        }

        var scaled = scores!.mul((float)scale);
        var masked = hidden is null ? scaled : scaled.to(ScalarType.Float32).masked_fill(hidden, float.MinValue);
        return masked.reshape(batch * heads, queries, keys);
    }

    private static Tensor PerHead(Tensor x, long heads, long size) => x.view(-1, heads, size).transpose(0, 1); // (heads, n, d)
}
