using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The losses of Hugging Face's models.</summary>
internal static class Losses
{
    /// <summary>The loss of scores (batch, classes).</summary>
    /// <param name="logits">(batch, classes).</param>
    /// <param name="labels">Classes (batch); numbers (batch) or (batch, classes) for a regression; 0 or 1 (batch, classes) for several labels.</param>
    /// <param name="classes">Count of classes.</param>
    /// <param name="problem">What the scores mean, or null for what the labels say.</param>
    /// <exception cref="ArgumentException">The labels do not have the shape that the problem needs.</exception>
    public static Tensor Classification(Tensor logits, Tensor labels, int classes, ClassificationProblem? problem = null)
    {
        logits = Single(logits);
        var kind = problem ?? ClassificationProblems.Guess(classes, labels);
        if (kind == ClassificationProblem.SingleLabel)
        {
            return nn.functional.cross_entropy(logits, labels);
        }

        var targets = labels.to(logits.dtype);
        if (classes == 1)
        {
            (logits, targets) = (logits.reshape(-1), targets.reshape(-1));
        }

        // Shapes that differ would be stretched to each other, silently.
        if (!logits.shape.AsSpan().SequenceEqual(targets.shape))
        {
            throw new ArgumentException(
                $"The labels have the shape ({string.Join(", ", labels.shape)}); {kind} with {classes} classes needs ({string.Join(", ", logits.shape)}).", nameof(labels));
        }

        return kind == ClassificationProblem.Regression
            ? nn.functional.mse_loss(logits, targets)
            : nn.functional.binary_cross_entropy_with_logits(logits, targets);
    }

    /// <summary>Cross-entropy of each token (…, classes) against classes (…); −100 does not count.</summary>
    /// <param name="logits">(…, classes).</param>
    /// <param name="labels">(…).</param>
    /// <param name="weights">How much each counts (…), or null where all count alike: the mean is over their number, not over the weights.</param>
    public static Tensor Tokens(Tensor logits, Tensor labels, Tensor? weights = null)
    {
        var (scores, classes) = (Single(logits).reshape(-1, logits.size(-1)), labels.reshape(-1));
        return weights is null
            ? nn.functional.cross_entropy(scores, classes)
            : nn.functional.cross_entropy(scores, classes, reduction: nn.Reduction.None).mul(weights.reshape(-1)).sum().div(classes.ne(-100).sum());
    }

    /// <summary>Mean of the cross-entropies of a start and an end (batch, length) against positions (batch); a position outside the row does not count.</summary>
    public static Tensor Span(Tensor start, Tensor end, Tensor startPositions, Tensor endPositions)
    {
        var length = start.size(1);
        return (One(start, startPositions) + One(end, endPositions)) / 2;

        Tensor One(Tensor logits, Tensor positions)
            => nn.functional.cross_entropy(Single(logits), positions.reshape(-1).clamp(0, length), ignore_index: length);
    }

    /// <summary>Scores in Float32, in which every loss is computed.</summary>
    public static Tensor Single(Tensor scores)
        => scores.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? scores.to(ScalarType.Float32) : scores;

    /// <summary>The part of a batch that a model cannot do without.</summary>
    /// <exception cref="ArgumentException">It is missing.</exception>
    public static T Required<T>([NotNull] this T? part, string name)
        where T : class
        => part ?? throw new ArgumentException($"This model needs {name}, which the batch has not.", nameof(part));
}
