using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A model that reads a source (a text, a recording) and writes a text, token by token.</summary>
public abstract class EncoderDecoder : Backbone
{
    private const long Ignored = -100;

    private protected EncoderDecoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        StartId = config.Int("decoder_start_token_id", 0, VocabularySize - 1);
        PadId = config.Int("pad_token_id", 0, VocabularySize - 1);
    }

    /// <summary>Rows of the token table: ids must be below.</summary>
    public int VocabularySize { get; }

    /// <summary>The token that a text starts from.</summary>
    public int StartId { get; }

    /// <summary>The token that fills a row up.</summary>
    public int PadId { get; }

    /// <summary>Longest text that can be written, in tokens.</summary>
    public abstract int MaxTargetLength { get; }

    /// <summary>Reads the source.</summary>
    public abstract EncodedSource Encode(ModelInputs inputs, ForwardContext context);

    /// <summary>Hidden states of the text so far: (rows·length, hidden). Each token sees the ones before it and the whole source.</summary>
    /// <param name="target">Tokens of the text, starting with <see cref="StartId"/>; with a cache the new ones alone.</param>
    /// <param name="source">What <see cref="Encode"/> gave.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="cache">What is remembered of earlier tokens, to which these are added; null where nothing is. Under no_grad() only.</param>
    /// <exception cref="ArgumentException">The text is too long, or its rows are not those of the source.</exception>
    public abstract Tensor Decode(TokenBatch target, EncodedSource source, ForwardContext context, KeyValueCache? cache = null);

    /// <summary>A score for each token of the vocabulary: (n, hidden) gives (n, vocabulary).</summary>
    public abstract Tensor Scores(Tensor hidden, ForwardContext context);

    /// <summary>What the decoder is shown while it learns to write labels: the start token, then the labels but the last.</summary>
    /// <param name="labels">(rows, length); −100 fills rows up.</param>
    public TokenBatch ShiftRight(Tensor labels)
    {
        var (rows, length) = (labels.size(0), labels.size(1));
        var shifted = full([rows, length], StartId, ScalarType.Int64, labels.device);
        if (length > 1)
        {
            var before = labels.narrow(1, 0, length - 1);
            shifted.narrow(1, 1, length - 1).copy_(before.masked_fill(before.eq(Ignored), PadId));
        }

        return new TokenBatch(shifted.view(-1), null, null, rows, length);
    }

    /// <summary>Checks that a text fits the source and the position table.</summary>
    private protected void Check(TokenBatch target, EncodedSource source, KeyValueCache? cache)
    {
        var length = (cache?.Length ?? 0) + target.Length;
        if (target.Rows != source.Rows || length > MaxTargetLength)
        {
            throw new ArgumentException(
                $"The decoder's tokens are {target.Rows} rows of {length}; the source has {source.Rows} rows, and a row may have up to {MaxTargetLength} tokens.",
                nameof(target));
        }
    }
}
