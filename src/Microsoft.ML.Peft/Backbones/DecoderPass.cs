using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>One forward pass of a decoder: its sizes, its padding, where its tokens stand, and what is remembered of earlier ones.</summary>
internal sealed class DecoderPass
{
    private readonly Tensor? _seen; // (rows, keys), 1 for a token, or null where nothing is padded
    private readonly Tensor? _padding;

    private readonly PrefixStates? _prefix;
    private readonly bool _ofPair;

    /// <param name="batch">The new tokens.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="cache">What is remembered of earlier tokens, or null.</param>
    /// <param name="ofPair">True for the decoder of an encoder-decoder, whose trained tokens and keys are others.</param>
    public DecoderPass(TokenBatch batch, ForwardContext context, KeyValueCache? cache, bool ofPair = false)
    {
        var first = cache is null || cache.Length == 0;
        (Context, Cache, _ofPair) = (context, cache, ofPair);
        Batch = first ? context.WithPrompts(batch, ofPair) : batch;
        _prefix = first ? context.Prefix(everySecond: ofPair) : null;
        IsFirst = first;
        Past = first ? _prefix?.Length ?? 0 : cache!.Length;
        _seen = first ? Behind(Batch.Mask, Past) : cache!.MaskWith(batch.Mask, Rows, Length, Device);
        _padding = _seen is null ? null : AttentionMask.PaddingOf(_seen, Rows, Keys);
    }

    public TokenBatch Batch { get; }

    public ForwardContext Context { get; }

    public KeyValueCache? Cache { get; }

    /// <summary>Where the pass is computed.</summary>
    public Device Device => Batch.Ids.device;

    /// <summary>True where the rows begin, and trained tokens before them.</summary>
    private bool IsFirst { get; }

    // Trained keys that have no positions.
    private long Uncounted => _ofPair ? 0 : Context.UncountedKeys;

    /// <summary>Rows of the batch.</summary>
    public long Rows => Batch.Rows;

    /// <summary>New tokens of each row.</summary>
    public long Length => Batch.Length;

    /// <summary>Tokens, or trained keys, seen before.</summary>
    public long Past { get; }

    /// <summary>Position of the first new token in a row without padding.</summary>
    public long First => Past - Uncounted;

    /// <summary>Tokens that can be looked at.</summary>
    public long Keys => Past + Length;

    /// <summary>Position of each new token: (length) for all rows, or (rows·length) where rows are padded differently.</summary>
    /// <remarks>Without a cache every row counts from 0, padding included, as Hugging Face's models do when they are trained.</remarks>
    public Tensor Positions()
        => Cache is null || _seen is null
            ? arange(First, First + Length, ScalarType.Int64, Device)
            : RealPositions().clamp(0).narrow(1, Past, Length).reshape(Rows * Length);

    /// <summary>Count of real tokens up to each token, less one, and −1 for padding: (rows, keys); null where nothing is padded.</summary>
    public Tensor? PositionsOrPadding() => _seen is null ? null : RealPositions();

    /// <summary>The causal mask of a window of that many keys, 0 for all, with an optional bias.</summary>
    public AttentionMask Causal(long window = 0, Tensor? bias = null, bool biasByQuery = false)
        => new(Past, Length, causal: true, Device, window, _padding, bias, biasByQuery);

    /// <summary>The sizes of an attention over everything seen.</summary>
    public AttentionShape Shape(long heads, long headSize, long keyHeads = 0) => new(Rows, Length, Keys, heads, headSize) { KeyHeads = keyHeads };

    /// <summary>The embedded tokens, trained ones included: (rows·length, dim).</summary>
    /// <param name="words">The table of the tokens.</param>
    /// <param name="scale">Factor of the table's vectors.</param>
    public Tensor Embed(EmbeddingLayer words, double scale = 1)
        => IsFirst ? Context.Embed(words, Batch, scale, _ofPair)
            : scale == 1 ? words.Forward(Batch.Ids, Context) : words.Forward(Batch.Ids, Context).mul(scale);

    /// <summary>Trained keys and values that stand before the tokens of a block, or null.</summary>
    public PrefixPair? Prefix(int block) => _prefix is null ? null : new(_prefix, block);

    /// <summary>Counts the new tokens as seen, after the last block.</summary>
    public void Finish() => Cache?.Advance(_seen, Keys - Cache.Length);

    private Tensor? Behind(Tensor? mask, long count)
        => mask is null ? null
            : count == 0 ? mask.view(Rows, Length)
            : cat([ones(Rows, count, ScalarType.Int64, Device), mask.view(Rows, Length)], 1);

    private Tensor RealPositions()
    {
        var seen = _seen!.view(Rows, Keys).to(ScalarType.Int64);
        return seen.cumsum(1).sub(Uncounted).mul(seen).sub(1);
    }
}
