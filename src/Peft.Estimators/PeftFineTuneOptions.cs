using System.Runtime.CompilerServices;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;

namespace Peft.Estimators;

/// <summary>Settings of <c>PeftFineTune</c>: what to train, on which columns, and how.</summary>
public sealed record PeftFineTuneOptions
{
    internal const string DefaultInputColumn = "Text";
    internal const string DefaultLabelColumn = "Label";

    /// <summary>What the model learns. Default text classification.</summary>
    public PeftTask Task { get; init; } = PeftTask.TextClassification;

    /// <summary>Folder of the base model: config.json, tokenizer.json and *.safetensors.</summary>
    public required string Model { get; init; }

    /// <summary>Text column to read. Default <c>Text</c>.</summary>
    public string InputColumn { get; init; } = DefaultInputColumn;

    /// <summary>Key column to learn, as <c>Conversion.MapValueToKey</c> makes it. Default <c>Label</c>.</summary>
    public string LabelColumn { get; init; } = DefaultLabelColumn;

    /// <summary>Column to write: the likeliest class, a key with the label's values. Default <c>PredictedLabel</c>.</summary>
    public string PredictedLabelColumn { get; init; } = "PredictedLabel";

    /// <summary>Column to write: one probability a class, in key order, summing to 1. Default <c>Score</c>.</summary>
    public string ScoreColumn { get; init; } = "Score";

    /// <summary>Adapter to train beside the frozen base; null trains the classification head alone. Default LoRA.</summary>
    public AdapterOptions? Adapter { get; init; } = new LoraOptions();

    /// <summary>Longest input in tokens, the special ones counted; what is longer is cut: 3 to what the base model takes. Default 128.</summary>
    public int MaxLength { get; init; } = 128;

    /// <summary>How to train. Default: the defaults of <see cref="TrainingOptions"/>.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Passes over the data: 1 to 10,000. A shorthand of <see cref="Training"/>.</summary>
    public int Epochs { get => Training.Epochs; init => Training = Training with { Epochs = value }; }

    /// <summary>Rows a step: 1 to 65,536. A shorthand of <see cref="Training"/>.</summary>
    public int BatchSize { get => Training.BatchSize; init => Training = Training with { BatchSize = value }; }

    /// <summary>Highest learning rate, above 0. A shorthand of <see cref="Training"/>.</summary>
    public double LearningRate { get => Training.LearningRate; init => Training = Training with { LearningRate = value }; }

    /// <summary>Decay of the trained weights a step, relative to the learning rate: 0 to 10. A shorthand of <see cref="Training"/>.</summary>
    public double WeightDecay { get => Training.WeightDecay; init => Training = Training with { WeightDecay = value }; }

    /// <summary>Share of the steps in which the learning rate rises from <see cref="FirstLearningRate"/>: 0 to 1. A shorthand of <see cref="Training"/>.</summary>
    public double WarmupRatio { get => Training.WarmupRatio; init => Training = Training with { WarmupRatio = value }; }

    /// <summary>Learning rate from which the warm-up rises: 0 to <see cref="LearningRate"/>. A shorthand of <see cref="Training"/>.</summary>
    public double FirstLearningRate { get => Training.FirstLearningRate; init => Training = Training with { FirstLearningRate = value }; }

    /// <summary>Learning rate to which it falls: 0 to <see cref="LearningRate"/>. A shorthand of <see cref="Training"/>.</summary>
    public double LastLearningRate { get => Training.LastLearningRate; init => Training = Training with { LastLearningRate = value }; }

    /// <summary>Stochastic depth of the last block: 0 to 0.99. A shorthand of <see cref="Training"/>.</summary>
    public double DropPath { get => Training.DropPath; init => Training = Training with { DropPath = value }; }

    /// <summary>How the learning rate falls. A shorthand of <see cref="Training"/>.</summary>
    public LearningRateSchedule Schedule { get => Training.Schedule; init => Training = Training with { Schedule = value }; }

    /// <summary>Longest gradient, as the norm over all trained weights; 0 does not clip. A shorthand of <see cref="Training"/>.</summary>
    public double MaxGradientNorm { get => Training.MaxGradientNorm; init => Training = Training with { MaxGradientNorm = value }; }

    /// <summary>
    /// Seed of the new weights, the row order and dropout. Default null: drawn from the context's seed, or 0 without a context.
    /// </summary>
    public int? Seed { get; init; }

    /// <summary>Called after every training step, on the thread that trains. Default null.</summary>
    public Action<TrainingProgress>? Progress { get; init; }

    /// <summary>Stops the training; <c>Fit</c> then throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Whether a saved model holds the base model or only names its folder. Default embedded.</summary>
    public BaseModelStorage BaseModelStorage { get; init; } = BaseModelStorage.Embedded;

    internal PeftFineTuneOptions Checked()
    {
        Defined(Task);
        Defined(BaseModelStorage);
        NotBlank(Model);
        NotBlank(InputColumn);
        NotBlank(LabelColumn);
        NotBlank(PredictedLabelColumn);
        NotBlank(ScoreColumn);
        Distinct(ScoreColumn, PredictedLabelColumn, nameof(ScoreColumn), nameof(PredictedLabelColumn));
        Distinct(InputColumn, LabelColumn, nameof(InputColumn), nameof(LabelColumn));
        Distinct(LabelColumn, PredictedLabelColumn, nameof(LabelColumn), nameof(PredictedLabelColumn));
        Distinct(LabelColumn, ScoreColumn, nameof(LabelColumn), nameof(ScoreColumn));
        Guard.InRange(MaxLength, 3, 1 << 20);
        ArgumentNullException.ThrowIfNull(Training);
        Training.Validate();
        Adapter?.Validate();
        return this;
    }

    private static void NotBlank(string? value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            throw new ArgumentException($"{name} is empty; it must be a name.", name);
        }
    }

    private static void Distinct(string first, string second, string firstName, string secondName)
    {
        if (first == second)
        {
            throw new ArgumentException($"{firstName} and {secondName} are both '{first}'; they must differ.");
        }
    }

    private static void Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new ArgumentOutOfRangeException(name, $"{name} is {value}; it must be one of {string.Join(", ", Enum.GetNames<T>())}.");
        }
    }
}

/// <summary>What a saved model keeps of its base model.</summary>
public enum BaseModelStorage
{
    /// <summary>The base model's weights are in the file: it loads anywhere. Up to about 700 MB.</summary>
    Embedded,

    /// <summary>The file names the base model's folder, which must be there when it is loaded.</summary>
    Reference,
}
