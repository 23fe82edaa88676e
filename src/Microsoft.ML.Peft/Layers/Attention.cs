using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Scaled dot-product attention over several heads, the one path of every backbone.</summary>
internal static class Attention
{
    private const long LongInput = 2048; // from here on the scores of all queries at once would be the largest tensor of the pass
    private const long MostScores = 1L << 26; // of all queries at once: 256 MiB
    private const long StripRows = 512;
    private const long FewestRows = 16;

    /// <summary><c>softmax(scale·q·kᵀ + mask)·v</c> for each head.</summary>
    /// <param name="query">(batch·queries, heads·d).</param>
    /// <param name="key">(batch·keys, heads·d).</param>
    /// <param name="value">(batch·keys, heads·d).</param>
    /// <param name="shape">The sizes of the inputs, known on the host.</param>
    /// <param name="mask">What is added to the scores, (batch·heads or maskGroups, 1 or queries, keys), or null.</param>
    /// <param name="dropout">Share of the attention weights that is dropped while training.</param>
    /// <param name="context">The call's context.</param>
    /// <param name="scale">Default 1/√d.</param>
    /// <param name="maskGroups">First size of a mask that repeats over the batch, a divisor of batch·heads; 0 for batch·heads.</param>
    /// <returns>(batch·queries, heads·d).</returns>
    public static Tensor Forward(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, Tensor? mask, double dropout, ForwardContext context,
        double? scale = null, long maskGroups = 0)
    {
        var (batch, queries, keys, heads, size) = shape;
        if (maskGroups == 0 && mask is not { requires_grad: true } && FusedAttention.Takes(query, dropout, context))
        {
            return FusedAttention.Forward(
                ByHead(query, batch, queries, heads, size),
                ByHead(key, batch, keys, heads, size),
                ByHead(value, batch, keys, heads, size),
                mask?.expand(batch * heads, queries, keys).view(batch, heads, queries, keys),
                causal: false,
                scale ?? 1 / Math.Sqrt(size)).transpose(1, 2).reshape(batch * queries, heads * size);
        }

        var q = Split(query, batch, queries, heads, size);
        var k = Split(key, batch, keys, heads, size).transpose(1, 2);
        var v = Split(value, batch, keys, heads, size);
        var factor = (float)(scale ?? 1 / Math.Sqrt(size));
        var scores = mask is null
            ? q.mul(factor).bmm(k)
            : maskGroups > 0 ? (q.mul(factor).bmm(k).view(-1, maskGroups, queries, keys) + mask).view(-1, queries, keys)
            : mask.dtype == q.dtype ? baddbmm(mask.expand(batch * heads, queries, keys), q, k, 1f, factor) : q.mul(factor).bmm(k) + mask;
        var weights = context.Dropout(Weights(scores, v.dtype), dropout);
        return weights.bmm(v)
            .view(batch, heads, queries, size).transpose(1, 2).reshape(batch * queries, heads * size);
    }

    /// <summary>Turns a padding mask into what is added to the scores.</summary>
    /// <param name="padded">(batch, keys), 1 for a token and 0 for padding.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="keys">Tokens a row.</param>
    /// <param name="heads">Count of heads.</param>
    /// <returns>(batch·heads, 1, keys): 0 for a token, the lowest finite number for padding.</returns>
    public static Tensor PaddingMask(Tensor padded, long batch, long keys, long heads)
        => (1 - padded.to(ScalarType.Float32)).mul_(float.MinValue)
            .view(batch, 1, 1, keys).expand(batch, heads, 1, keys).reshape(batch * heads, 1, keys);

    /// <summary>A mask that is the same for every head, for fewer heads.</summary>
    /// <param name="mask">(batch·heads, 1, keys).</param>
    /// <param name="shape">The sizes, with the heads of the mask.</param>
    /// <param name="heads">Heads that are wanted.</param>
    public static Tensor ForHeads(Tensor mask, AttentionShape shape, long heads)
        => mask.view(shape.Batch, shape.Heads, 1, -1).narrow(1, 0, heads).reshape(shape.Batch * heads, 1, -1);

    /// <summary>What <see cref="Forward"/> adds to the scores so that no token sees later ones, nor padding.</summary>
    /// <param name="padded">(batch·length), 1 for a token and 0 for padding, or null where no row is padded.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="length">Queries, which are also the keys.</param>
    /// <param name="heads">Count of heads.</param>
    /// <param name="device">Where the scores lie.</param>
    /// <returns>(batch·heads, length, length), or (1, length, length) where no row is padded, which the scores repeat.</returns>
    public static Tensor CausalMask(Tensor? padded, long batch, long length, long heads, Device device)
    {
        var later = full([length, length], float.MinValue, device: device).triu(1);
        return padded is null
            ? later.unsqueeze(0)
            : minimum(later.unsqueeze(0), PaddingMask(padded, batch, length, heads));
    }

    /// <summary>(rows·length, hidden) gives (rows·count, hidden): the first tokens of each row.</summary>
    public static Tensor FirstTokens(Tensor hidden, long rows, long count, long length)
        => count == length ? hidden : hidden.view(rows, length, -1).narrow(1, 0, count).flatten(0, 1);

    /// <summary>The same with a mask that is built in strips, fewer key heads than query heads, and a store of earlier keys.</summary>
    /// <param name="query">(batch·queries, heads·d).</param>
    /// <param name="key">(batch·queries, key heads·d): of the new tokens.</param>
    /// <param name="value">(batch·queries, key heads·d): of the new tokens.</param>
    /// <param name="shape">The sizes; its keys count the earlier ones too.</param>
    /// <param name="mask">What each query may see.</param>
    /// <param name="dropout">Share of the attention weights that is dropped while training.</param>
    /// <param name="context">The call's context.</param>
    /// <param name="store">Keys and values of earlier tokens, to which the new ones are added; null where there are none.</param>
    /// <param name="scale">Default 1/√d.</param>
    /// <param name="prefix">Trained keys and values before the first token, or null.</param>
    public static Tensor OverTokens(
        Tensor query,
        Tensor key,
        Tensor value,
        AttentionShape shape,
        AttentionMask mask,
        double dropout,
        ForwardContext context,
        KeyValueStore? store = null,
        double? scale = null,
        PrefixPair? prefix = null)
    {
        if (prefix is { } before && store is null)
        {
            (key, value) = before.States.Before(before.Block, key, value, shape.Batch);
        }
        else if (prefix is { } stored)
        {
            var (keysBefore, valuesBefore) = stored.States.ByHead(stored.Block, shape, key.dtype);
            store!.Append(keysBefore, valuesBefore, stored.States.Length);
        }

        if (store is null && FusedAttention.Takes(query, dropout, context))
        {
            var (batch, queries, keys, heads, size) = shape;
            return Fused(
                ByHead(query, batch, queries, heads, size),
                ByHead(key, batch, keys, shape.KeyHeads, size),
                ByHead(value, batch, keys, shape.KeyHeads, size),
                shape,
                mask,
                scale);
        }

        var own = store is null ? shape.Keys : shape.Queries;
        var k = Split(key, shape.Batch, own, shape.KeyHeads, shape.HeadSize);
        var v = Split(value, shape.Batch, own, shape.KeyHeads, shape.HeadSize);
        if (store is not null)
        {
            (k, v) = store.Append(k, v, shape.Queries);
        }

        return OverHeads(query, k, v, shape, mask, dropout, context, scale);
    }

    /// <summary>The same over keys and values that are by heads already: (batch·key heads, keys, d).</summary>
    public static Tensor OverHeads(
        Tensor query,
        Tensor key,
        Tensor value,
        AttentionShape shape,
        AttentionMask mask,
        double dropout,
        ForwardContext context,
        double? scale = null)
    {
        var (batch, queries, keys, heads, size) = shape;
        if (FusedAttention.Takes(query, dropout, context))
        {
            return Fused(
                ByHead(query, batch, queries, heads, size),
                key.view(batch, shape.KeyHeads, keys, size),
                value.view(batch, shape.KeyHeads, keys, size),
                shape,
                mask,
                scale);
        }

        var q = Split(query, batch, queries, heads, size).mul((float)(scale ?? 1 / Math.Sqrt(size)));
        var mixed = InStrips(q, 1, queries, RowsAtOnce(shape), (strip, start, rows) => Strip(strip, key, value, shape, mask, start, rows, dropout, context));
        return mixed.view(batch, heads, queries, size).transpose(1, 2).reshape(batch * queries, heads * size);
    }

    /// <summary>The same over a source that was read, whose keys and values are computed once for all tokens of a text.</summary>
    /// <param name="query">(batch·queries, heads·d).</param>
    /// <param name="key">The layer of the keys.</param>
    /// <param name="value">The layer of the values.</param>
    /// <param name="source">The source.</param>
    /// <param name="shape">The sizes; its keys are those of the source.</param>
    /// <param name="mask">What each query may see.</param>
    /// <param name="dropout">Share of the attention weights that is dropped while training.</param>
    /// <param name="context">The call's context.</param>
    /// <param name="store">Where keys and values are kept, or null.</param>
    /// <param name="scale">Default 1/√d.</param>
    public static Tensor OverSource(
        Tensor query,
        LinearLayer key,
        LinearLayer value,
        EncodedSource source,
        AttentionShape shape,
        AttentionMask mask,
        double dropout,
        ForwardContext context,
        KeyValueStore? store,
        double? scale = null)
    {
        var (k, v) = store is { Length: > 0 } ? store.All() : Read();
        return OverHeads(query, k, v, shape, mask, dropout, context, scale);

        (Tensor, Tensor) Read()
        {
            var keys = Split(key.Forward(source.Hidden, context), source.Rows, source.Length, shape.KeyHeads, shape.HeadSize);
            var values = Split(value.Forward(source.Hidden, context), source.Rows, source.Length, shape.KeyHeads, shape.HeadSize);
            return store is null ? (keys, values) : store.Append(keys, values, source.Length);
        }
    }

    /// <summary>(batch·length, heads·d) as (batch·heads, length, d).</summary>
    public static Tensor Split(Tensor x, long batch, long length, long heads, long size)
        => x.view(batch, length, heads, size).transpose(1, 2).reshape(batch * heads, length, size);

    /// <summary>(batch·length, heads·d) seen as (batch, heads, length, d).</summary>
    private static Tensor ByHead(Tensor x, long batch, long length, long heads, long size) => x.view(batch, length, heads, size).transpose(1, 2);

    // In Float32, whatever the type of the scores.
    private static Tensor Weights(Tensor scores, ScalarType type)
        => type == ScalarType.Float32 ? scores.softmax(-1) : scores.softmax(-1, ScalarType.Float32).to(type);

    // What a strip was computed with goes before the next one is.
    private static Tensor InStrips(Tensor query, long dimension, long queries, long rowsAtOnce, Func<Tensor, long, long, Tensor> strip)
    {
        if (queries <= rowsAtOnce)
        {
            return strip(query, 0, queries);
        }

        var strips = new List<Tensor>();
        for (long start = 0; start < queries; start += rowsAtOnce)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(rowsAtOnce, queries - start);
            strips.Add(strip(query.narrow(dimension, start, rows), start, rows).MoveToOuterDisposeScope());
        }

        return cat(strips, dimension);
    }

    // How many queries at once, so that their scores against all keys are no large tensor.
    private static long RowsAtOnce(AttentionShape shape)
    {
        var scoresOfOne = shape.Batch * shape.Heads * shape.Keys;
        return shape.Queries < LongInput && scoresOfOne * shape.Queries <= MostScores
            ? shape.Queries
            : Math.Clamp(MostScores / 4 / scoresOfOne, FewestRows, StripRows);
    }

    /// <summary>The same by libtorch's own kernel: query (batch, heads, queries, d), key and value (batch, key heads, keys, d).</summary>
    internal static Tensor Fused(Tensor query, Tensor key, Tensor value, AttentionShape shape, AttentionMask mask, double? scale)
    {
        var (batch, queries, keys, heads, size) = shape;
        var factor = scale ?? 1 / Math.Sqrt(size);
        var mixed = mask.IsCausalAlone
            ? FusedAttention.Forward(query, key, value, null, causal: true, factor)
            : InStrips(query, 2, queries, queries < LongInput ? queries : StripRows, OneStrip);
        return mixed.transpose(1, 2).reshape(batch * queries, heads * size);

        Tensor OneStrip(Tensor strip, long start, long rows)
        {
            var (first, count) = mask.Keys(start, rows, keys);
            var (added, alive) = mask.Strip(start, rows, first, count);
            var output = FusedAttention.Forward(
                strip, key.narrow(2, first, count), value.narrow(2, first, count), added?.expand(batch, heads, rows, count), causal: false, factor);
            return alive is null ? output : output.mul(alive.to(output.dtype));
        }
    }

    // Query heads that share a key head lie side by side, so that they are more rows of one product and no key is repeated.
    private static Tensor Strip(
        Tensor q, Tensor key, Tensor value, AttentionShape shape, AttentionMask mask, long start, long rows, double dropout, ForwardContext context)
    {
        var (batch, _, keys, heads, size) = shape;
        var (together, stacked) = (batch * shape.KeyHeads, heads / shape.KeyHeads * rows);
        var (first, count) = mask.Keys(start, rows, keys);
        if (count < keys)
        {
            (key, value) = (key.narrow(1, first, count), value.narrow(1, first, count));
        }

        var scores = q.reshape(together, stacked, size).bmm(key.transpose(1, 2)).view(batch, heads, rows, count);
        var (added, alive) = mask.Strip(start, rows, first, count);
        if (added is not null)
        {
            scores = is_grad_enabled() || scores.dtype != added.dtype ? scores + added : scores.add_(added);
        }

        var weights = context.Dropout(Weights(scores, value.dtype), dropout);
        var mixed = weights.view(together, stacked, count).bmm(value);
        return alive is null
            ? mixed.view(batch * heads, rows, size)
            : mixed.view(batch, heads, rows, size).mul(alive.to(mixed.dtype)).view(batch * heads, rows, size);
    }
}

/// <summary>Sizes of one attention: known on the host, so that no tensor is asked for its shape.</summary>
internal readonly record struct AttentionShape(long Batch, long Queries, long Keys, long Heads, long HeadSize)
{
    private readonly long _keyHeads;

    /// <summary>Heads of keys and values; each serves Heads ÷ KeyHeads query heads. Default: as many as <see cref="Heads"/>.</summary>
    public long KeyHeads
    {
        get => _keyHeads == 0 ? Heads : _keyHeads;
        init => _keyHeads = value;
    }
}
