using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A bidirectional model over tokens.</summary>
public abstract class TextEncoder : TextBackbone
{
    private protected TextEncoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <summary>How its model for sequence classification looks.</summary>
    public abstract FirstTokenForm FirstToken { get; }

    /// <summary>How its model for hidden words looks.</summary>
    public abstract MaskedTokenForm MaskedToken { get; }

    /// <summary>The table of the tokens.</summary>
    public abstract EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer InputEmbedding => Words;

    /// <summary>Dropout before the classes of single tokens.</summary>
    public abstract double TokenDropout { get; }

    /// <summary>Dropout before the scores of question answering.</summary>
    public virtual double AnswerDropout => 0;

    /// <summary>Hidden states of the last block.</summary>
    /// <param name="batch">Token ids, padded.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="firstTokenOnly">Compute the last block for the first token of each row only: what a head that pools
    /// that token needs, equal to the whole computation.</param>
    /// <returns>(batch·length, hidden), or (batch, hidden).</returns>
    /// <exception cref="PeftException">Trained tokens leave too few positions for the input.</exception>
    public abstract Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false);

    /// <summary>The batch with room for trained tokens.</summary>
    private protected TokenBatch WithPrompts(TokenBatch batch, ForwardContext context)
        => context.TokensBefore > 0 && context.TokensBefore + batch.Length > MaxLength
            ? throw new PeftException(
                $"The input has {batch.Length} tokens and {context.TokensBefore} trained ones stand before it; this model takes {MaxLength} together. Cut the input.")
            : context.WithPrompts(batch);

    /// <summary>1 for a token and 0 for padding, trained keys included: (rows·keys), or null where no row is padded.</summary>
    private protected static Tensor? MaskOf(TokenBatch batch, PrefixStates? prefix)
        => prefix is null ? batch.Mask : batch.Mask is null ? null : batch.After(prefix.Length).Mask;
}

/// <summary>Sequence classification over the first token, as one architecture has it.</summary>
/// <param name="DensePath">The layer after pooling (hidden → hidden).</param>
/// <param name="Activation">The function after it, by its name.</param>
/// <param name="OutputPath">The layer that gives the scores (hidden → classes).</param>
/// <param name="DropoutBefore">Dropout of the pooled hidden state.</param>
/// <param name="DropoutAfter">Dropout before the output layer.</param>
public sealed record FirstTokenForm(string DensePath, string Activation, string OutputPath, double DropoutBefore, double DropoutAfter);

/// <summary>Masked language modelling as one architecture has it: <c>logits = E·LN(act(P·h + p)) + b</c>.</summary>
/// <param name="DensePath">The layer P (hidden → width).</param>
/// <param name="Activation">The function after it, by its name.</param>
/// <param name="NormPath">The layer norm.</param>
/// <param name="NormEps">Its ε.</param>
/// <param name="Width">Width of the token table E.</param>
/// <param name="OutputPath">The layer that gives the scores (width → vocabulary); its weight is the token table unless
/// the configuration says otherwise.</param>
/// <param name="BiasName">Name of its bias in a checkpoint.</param>
public sealed record MaskedTokenForm(
    string DensePath, string Activation, string NormPath, double NormEps, int Width, string OutputPath, string BiasName);
