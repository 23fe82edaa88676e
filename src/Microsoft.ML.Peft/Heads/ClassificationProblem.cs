using Microsoft.ML.Peft.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>What the scores of a classification mean, which decides the loss: config.json's <c>problem_type</c>.</summary>
internal enum ClassificationProblem
{
    /// <summary>Numbers: mean squared error.</summary>
    Regression,

    /// <summary>One class of several: cross-entropy.</summary>
    SingleLabel,

    /// <summary>Any number of classes at once: binary cross-entropy of each.</summary>
    MultiLabel,
}

/// <summary>Finds the <see cref="ClassificationProblem"/> of a model.</summary>
internal static class ClassificationProblems
{
    /// <summary>What a checkpoint says of its own head, or null where it says nothing.</summary>
    /// <exception cref="Checkpoints.ModelFormatException">It says something unknown.</exception>
    public static ClassificationProblem? Of(ModelConfig config) => config.Text("problem_type", "") switch
    {
        "" => null,
        "regression" => ClassificationProblem.Regression,
        "single_label_classification" => ClassificationProblem.SingleLabel,
        "multi_label_classification" => ClassificationProblem.MultiLabel,
        _ => throw config.Wrong("problem_type", "\"regression\", \"single_label_classification\", \"multi_label_classification\" or null"),
    };

    /// <summary>What labels say where the checkpoint says nothing: one score is a regression, whole numbers are classes, others shares of classes.</summary>
    public static ClassificationProblem Guess(int classes, Tensor labels)
        => classes == 1 ? ClassificationProblem.Regression
            : labels.dtype is ScalarType.Int64 or ScalarType.Int32 ? ClassificationProblem.SingleLabel
            : ClassificationProblem.MultiLabel;
}
