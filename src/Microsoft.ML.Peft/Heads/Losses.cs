using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The losses of Hugging Face's models.</summary>
internal static class Losses
{
    /// <summary>Cross-entropy (batch, classes) against classes (batch); with one class the mean squared error of a regression.</summary>
    public static Tensor Classification(Tensor logits, Tensor labels, int classes)
        => classes == 1
            ? nn.functional.mse_loss(logits.squeeze(-1), labels.to(logits.dtype))
            : nn.functional.cross_entropy(logits, labels);

    /// <summary>Cross-entropy of each token (…, classes) against classes (…); −100 does not count.</summary>
    public static Tensor Tokens(Tensor logits, Tensor labels)
        => nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), labels.reshape(-1));

    /// <summary>The part of a batch that a model cannot do without.</summary>
    /// <exception cref="ArgumentException">It is missing.</exception>
    public static T Required<T>([NotNull] this T? part, string name)
        where T : class
        => part ?? throw new ArgumentException($"This model needs {name}, which the batch has not.", nameof(part));
}
