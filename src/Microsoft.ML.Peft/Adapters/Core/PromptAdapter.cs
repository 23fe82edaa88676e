using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Trained vectors in front of the embedded tokens of every row.</summary>
/// <remarks>Attention mask, labels, token types and positions are extended to them; outputs for each token begin with theirs.
/// Files call its tensors by their bare names, as HF PEFT does.</remarks>
public abstract class PromptAdapter : ModelAdapter
{
    private const long Ignored = -100;

    /// <summary>Makes the part.</summary>
    /// <param name="name">For error messages.</param>
    /// <param name="length">Vectors before the tokens, which are those of the encoder where there is one.</param>
    /// <param name="decoderLength">Vectors before the tokens of the decoder of an encoder-decoder.</param>
    protected PromptAdapter(string name, long length, long decoderLength = 0)
        : base(name) => (Length, DecoderLength) = (length, decoderLength);

    /// <summary>Vectors before the tokens.</summary>
    public long Length { get; }

    /// <summary>Vectors before the tokens of the decoder of an encoder-decoder.</summary>
    public long DecoderLength { get; }

    /// <summary>The vectors: (1 or rows, at least <see cref="Length"/> + <see cref="DecoderLength"/>, dim), those of the decoder last.</summary>
    protected internal abstract Tensor Vectors(ForwardContext context);

    /// <summary>What a decoder is to say at the vectors and the tokens, and how much each place counts; null where all count alike.
    /// Default: the vectors say nothing.</summary>
    /// <param name="labels">(rows, tokens), −100 where a token does not count.</param>
    /// <param name="length">Count of vectors.</param>
    /// <param name="context">What came with the forward pass.</param>
    /// <returns>(rows, length + tokens) each.</returns>
    protected internal virtual (Tensor Labels, Tensor? Weights) Targets(Tensor labels, long length, ForwardContext context)
        => (cat([full([labels.size(0), length], Ignored, ScalarType.Int64, labels.device), labels], 1), null);

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter) => FileName(parameter);
}
