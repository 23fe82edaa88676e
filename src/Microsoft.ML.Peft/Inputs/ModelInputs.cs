using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs;

/// <summary>One batch of whatever a model takes; a model refuses what it has no use for.</summary>
public sealed class ModelInputs : IDisposable
{
    /// <summary>Token rows: a text model's input, a contrastive model's texts, an encoder-decoder's source.</summary>
    public TokenBatch? Tokens { get; init; }

    /// <summary>Token rows of the decoder of an encoder-decoder.</summary>
    public TokenBatch? DecoderTokens { get; init; }

    /// <summary>Pixels (batch, channels, height, width), or audio: samples (batch, time) or features (batch, mel or time, time or mel).</summary>
    public Tensor? Values { get; init; }

    /// <summary>Real samples of each row of <see cref="Values"/>, or null where no row is padded.</summary>
    public IReadOnlyList<long>? ValueLengths { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tokens?.Dispose();
        DecoderTokens?.Dispose();
        Values?.Dispose();
    }
}
