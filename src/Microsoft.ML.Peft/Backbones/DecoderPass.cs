using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>One forward pass of a decoder: its sizes, its padding, where its tokens stand, and what is remembered of earlier ones.</summary>
internal sealed class DecoderPass
{
    private readonly Tensor? _seen; // (rows, keys), 1 for a token, or null where nothing is padded
    private readonly Tensor? _padding;

    public DecoderPass(TokenBatch batch, ForwardContext context, KeyValueCache? cache)
    {
        (Batch, Context, Cache) = (batch, context, cache);
        Past = cache?.Length ?? 0;
        _seen = cache is null ? batch.Mask : cache.MaskWith(batch.Mask, Rows, Length, Device);
        _padding = _seen is null ? null : AttentionMask.PaddingOf(_seen, Rows, Keys);
    }

    public TokenBatch Batch { get; }

    public ForwardContext Context { get; }

    public KeyValueCache? Cache { get; }

    /// <summary>Where the pass is computed.</summary>
    public Device Device => Batch.Ids.device;

    /// <summary>Rows of the batch.</summary>
    public long Rows => Batch.Rows;

    /// <summary>New tokens of each row.</summary>
    public long Length => Batch.Length;

    /// <summary>Tokens seen before.</summary>
    public long Past { get; }

    /// <summary>Tokens that can be looked at.</summary>
    public long Keys => Past + Length;

    /// <summary>Position of each new token: (length) for all rows, or (rows·length) where rows are padded differently.</summary>
    /// <remarks>Without a cache every row counts from 0, padding included, as Hugging Face's models do when they are trained.</remarks>
    public Tensor Positions()
        => Cache is null || _seen is null
            ? arange(Past, Keys, ScalarType.Int64, Device)
            : RealPositions().clamp(0).narrow(1, Past, Length).reshape(Rows * Length);

    /// <summary>Count of real tokens up to each token, less one, and −1 for padding: (rows, keys); null where nothing is padded.</summary>
    public Tensor? PositionsOrPadding() => _seen is null ? null : RealPositions();

    /// <summary>The causal mask of a window of that many keys, 0 for all, with an optional bias.</summary>
    public AttentionMask Causal(long window = 0, Tensor? bias = null, bool biasByQuery = false)
        => new(Past, Length, causal: true, Device, window, _padding, bias, biasByQuery);

    /// <summary>The sizes of an attention over everything seen.</summary>
    public AttentionShape Shape(long heads, long headSize, long keyHeads = 0) => new(Rows, Length, Keys, heads, headSize) { KeyHeads = keyHeads };

    /// <summary>Counts the new tokens as seen, after the last block.</summary>
    public void Finish() => Cache?.Advance(_seen, Length);

    private Tensor RealPositions()
    {
        var seen = _seen!.view(Rows, Keys).to(ScalarType.Int64);
        return seen.cumsum(1).mul(seen).sub(1);
    }
}
