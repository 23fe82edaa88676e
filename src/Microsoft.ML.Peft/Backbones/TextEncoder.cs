using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A bidirectional model over tokens.</summary>
public abstract class TextEncoder : Backbone
{
    private protected TextEncoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <summary>Longest input, in tokens.</summary>
    public abstract int MaxLength { get; }

    /// <summary>Rows of the token table: ids must be below.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>How its model for sequence classification looks.</summary>
    public abstract FirstTokenForm FirstToken { get; }

    /// <summary>Hidden states of the last block.</summary>
    /// <param name="batch">Token ids, padded.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="firstTokenOnly">Compute the last block for the first token of each row only: what a head that pools
    /// that token needs, equal to the whole computation.</param>
    /// <returns>(batch·length, hidden), or (batch, hidden).</returns>
    public abstract Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false);
}

/// <summary>Sequence classification over the first token, as one architecture has it.</summary>
/// <param name="DensePath">The layer after pooling (hidden → hidden).</param>
/// <param name="Activation">The function after it, by its name.</param>
/// <param name="OutputPath">The layer that gives the scores (hidden → classes).</param>
/// <param name="DropoutBefore">Dropout of the pooled hidden state.</param>
/// <param name="DropoutAfter">Dropout before the output layer.</param>
public sealed record FirstTokenForm(string DensePath, string Activation, string OutputPath, double DropoutBefore, double DropoutAfter);
