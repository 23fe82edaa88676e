using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Where a checkpoint keeps the layers of a <see cref="PostNormBlock"/>: whole paths.</summary>
internal sealed record PostNormPaths(
    string Query, string Key, string Value, string AttentionOutput, string AttentionNorm, string Up, string Down, string OutputNorm)
{
    /// <summary>The names that BERT gave them, which most of its followers kept.</summary>
    /// <param name="block">Path of the block.</param>
    /// <param name="suffix">What follows <c>query</c>, <c>key</c> and <c>value</c>.</param>
    public static PostNormPaths Bert(string block, string suffix = "") => new(
        $"{block}.attention.self.query{suffix}",
        $"{block}.attention.self.key{suffix}",
        $"{block}.attention.self.value{suffix}",
        $"{block}.attention.output.dense",
        $"{block}.attention.output.LayerNorm",
        $"{block}.intermediate.dense",
        $"{block}.output.dense",
        $"{block}.output.LayerNorm");
}

/// <summary>Sizes and rates of a <see cref="PostNormBlock"/>.</summary>
internal sealed record PostNormShape(long Hidden, long Inner, double Eps, string Activation)
{
    private readonly long _headSize;

    /// <summary>Attention heads.</summary>
    public required long Heads { get; init; }

    /// <summary>Width of a head. Default: <see cref="Hidden"/> ÷ <see cref="Heads"/>; a block from which heads were cut out keeps that of all of them.</summary>
    public long HeadSize
    {
        get => _headSize == 0 ? Hidden / Heads : _headSize;
        init => _headSize = value;
    }

    /// <summary>Dropout of the attention weights.</summary>
    public required double WeightDropout { get; init; }

    /// <summary>Dropout of the attention's output.</summary>
    public required double AttentionDropout { get; init; }

    /// <summary>Dropout of the feed-forward part's output.</summary>
    public required double OutputDropout { get; init; }

    /// <summary>Dropout after the feed-forward part's activation.</summary>
    public double InnerDropout { get; init; }
}

/// <summary>The block of BERT and its followers: h ← LN(h + Attention(h)), h ← LN(h + W₂·act(W₁·h)).</summary>
internal sealed class PostNormBlock
{
    private readonly int _index;
    private readonly PostNormShape _shape;
    private readonly LinearLayer _value;
    private readonly LinearLayer _output;
    private readonly LayerNormLayer _norm1;
    private readonly LinearLayer _up;
    private readonly LinearLayer _down;
    private readonly LayerNormLayer _norm2;
    private readonly Func<Tensor, Tensor> _activation;

    public PostNormBlock(WeightSource source, int index, PostNormPaths paths, PostNormShape shape)
    {
        (_index, _shape) = (index, shape);
        var inner = shape.Heads * shape.HeadSize;
        Query = source.Linear(paths.Query, shape.Hidden, inner);
        Key = source.Linear(paths.Key, shape.Hidden, inner);
        _value = source.Linear(paths.Value, shape.Hidden, inner);
        _output = source.Linear(paths.AttentionOutput, inner, shape.Hidden);
        _norm1 = source.LayerNorm(paths.AttentionNorm, shape.Hidden, shape.Eps);
        _up = source.Linear(paths.Up, shape.Hidden, shape.Inner);
        _down = source.Linear(paths.Down, shape.Inner, shape.Hidden);
        _norm2 = source.LayerNorm(paths.OutputNorm, shape.Hidden, shape.Eps);
        source.Blocks.Add(new(index, _output, _down, NormsAfter: true) { Heads = HeadMap.Of(Query, Key, _value, _output, shape.Heads, shape.HeadSize) });
        _activation = Activation.Named(shape.Activation);
    }

    /// <summary>Makes the queries (hidden → heads·d).</summary>
    public LinearLayer Query { get; }

    /// <summary>Makes the keys (hidden → heads·d).</summary>
    public LinearLayer Key { get; }

    /// <summary>One block.</summary>
    /// <param name="hidden">(batch·keys, hidden).</param>
    /// <param name="shape">The sizes, with the heads of a whole block; with fewer queries than keys only the first token of each row is computed.</param>
    /// <param name="mask">What is added to the scores, or null.</param>
    /// <param name="context">The call's context.</param>
    /// <param name="scale">Factor of the scores. Default 1/√d.</param>
    /// <param name="relative">Makes <paramref name="mask"/> from queries and keys, for scores that depend on positions. Default: none.</param>
    /// <param name="prefix">Trained keys and values before those of the tokens, which <paramref name="mask"/> counts and
    /// <paramref name="shape"/> does not. Default: none.</param>
    /// <returns>(batch·queries, hidden).</returns>
    public Tensor Forward(
        Tensor hidden,
        AttentionShape shape,
        Tensor? mask,
        ForwardContext context,
        double? scale = null,
        Func<Tensor, Tensor, Tensor>? relative = null,
        PrefixStates? prefix = null)
    {
        using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
        var asked = shape.Queries == shape.Keys
            ? hidden
            : hidden.view(shape.Batch, shape.Keys, -1).select(1, 0).contiguous(); // the first token of each row
        if (shape.Heads != _shape.Heads) // some were cut out
        {
            mask = mask is null ? null : Attention.ForHeads(mask, shape, _shape.Heads);
            shape = shape with { Heads = _shape.Heads };
            prefix = prefix is null ? null : throw new PeftException($"Block {_index} has {_shape.Heads} heads left ('pruned_heads' of config.json), and trained keys and values are for all of them; use another method, or the model with all its heads.");
        }

        var state = new BlockState { Rows = shape.Batch, Heads = shape.Heads };
        var (query, key, value) = (Query.Forward(asked, context), Key.Forward(hidden, context), _value.Forward(hidden, context));
        mask = relative?.Invoke(query, key) ?? mask;
        if (prefix is not null)
        {
            (key, value) = prefix.Before(_index, key, value, shape.Batch);
            shape = shape with { Keys = shape.Keys + prefix.Length };
        }

        var attended = Attention.Forward(query, key, value, shape, mask, _shape.WeightDropout, context, scale);
        attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
        attended = context.Dropout(_output.Forward(attended, context), _shape.AttentionDropout);
        attended = context.At(
            BlockPoint.AfterAttention, _index, attended, state with { Residual = asked, Input = asked, Norm = x => _norm1.Forward(x, context) });
        hidden = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(asked + attended, context), state);

        var fed = context.Dropout(
            _down.Forward(context.Dropout(_activation(_up.Forward(hidden, context)), _shape.InnerDropout), context), _shape.OutputDropout);
        fed = context.At(
            BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = hidden, Norm = x => _norm2.Forward(x, context) });
        return context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden + fed, context), state).MoveToOuterDisposeScope();
    }
}
