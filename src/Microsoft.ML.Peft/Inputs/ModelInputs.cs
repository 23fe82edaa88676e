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

    /// <summary>Task of each row (rows), Int64 from 0, for methods that learn several tasks at once; null where there is one task.</summary>
    public Tensor? TaskIds { get; init; }

    /// <summary>What each token is for in-context examples (rows, length), Int64: 0 for nothing, else by its remainder of 4 an input's
    /// template (1), an input (2), an output's template (3) or an output (0), each example with numbers of its own; null where every token
    /// is an output.</summary>
    public Tensor? ExampleMask { get; init; }

    /// <summary>Count of rows.</summary>
    internal long RowCount => Tokens?.Rows ?? DecoderTokens?.Rows ?? Values?.size(0) ?? 0;

    /// <summary>Some of the rows, in tensors of their own.</summary>
    internal ModelInputs Rows(long[] rows)
    {
        var index = tensor(rows, device: (Tokens?.Ids ?? Values ?? DecoderTokens?.Ids)?.device);
        return new()
        {
            Tokens = Tokens?.Select(index),
            DecoderTokens = DecoderTokens?.Select(index),
            Values = Values?.index_select(0, index),
            ValueLengths = ValueLengths is null ? null : [.. rows.Select(k => ValueLengths[(int)k])],
            TaskIds = TaskIds?.index_select(0, index),
            ExampleMask = ExampleMask?.index_select(0, index),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        TaskIds?.Dispose();
        ExampleMask?.Dispose();
        Tokens?.Dispose();
        DecoderTokens?.Dispose();
        Values?.Dispose();
    }
}
