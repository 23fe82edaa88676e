using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Procedures.ZeroShot;

namespace Peft.Estimators;

/// <summary>Settings of <c>FewShotImageClassification</c>: pictures are sorted by the names of their classes, after an adapter has seen a few pictures of each, or none.</summary>
public sealed record FewShotImageOptions
{
    internal const string DefaultInputColumn = "Image";

    /// <summary>Folder of the base model, a CLIP: config.json, tokenizer.json, preprocessor_config.json and *.safetensors.</summary>
    public required string Model { get; init; }

    /// <summary>Column of the pictures: text, the paths of their files; or vectors of bytes, the files themselves. Default <c>Image</c>.</summary>
    public string InputColumn { get; init; } = DefaultInputColumn;

    /// <summary>What relative paths are relative to; kept in a saved model. Default null: the working directory.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>Key column to learn, whose values are the names of the classes in the texts. Default <c>Label</c>.</summary>
    public string LabelColumn { get; init; } = PeftFineTuneOptions.DefaultLabelColumn;

    /// <summary>Column to write: the likeliest class, a key with the label's values; missing where the row has no picture. Default <c>PredictedLabel</c>.</summary>
    public string PredictedLabelColumn { get; init; } = "PredictedLabel";

    /// <summary>Column to write: one probability a class, in key order, summing to 1. Default <c>Score</c>.</summary>
    public string ScoreColumn { get; init; } = "Score";

    /// <summary>Texts with <c>{}</c> where the name of the class goes; one or more. Default <c>a photo of a {}.</c></summary>
    public IReadOnlyList<string> Templates { get; init; } = ["a photo of a {}."];

    /// <summary>Adapter to train; null trains nothing: zero-shot. Default CLIP-SVD.</summary>
    public AdapterOptions? Adapter { get; init; } = new ClipSvdOptions();

    /// <summary>Pictures of each class that are drawn from the data by the seed: 1 or more. Default null: all of them.</summary>
    public int? Shots { get; init; }

    /// <summary>Factor of the similarities, above 0; null for the model's own. Default 100.</summary>
    public double? LogitScale { get; init; } = 100;

    /// <summary>Steps, batch size, learning rate; its seed is <see cref="Seed"/>. Default: those of CLIP-SVD, 200 steps for each picture of a class.</summary>
    public FewShotOptions Training { get; init; } = new();

    /// <summary>How pictures are changed in each step. Default null: rectangles of 8 to 100 % of the area, mirrored or not.</summary>
    public ImageAugmentation? Augmentation { get; init; }

    /// <summary>Seed of the drawn pictures, their changes and order, and of the adapter. Default null: drawn from the context's seed, or 0 without a context.</summary>
    public int? Seed { get; init; }

    /// <summary>Called after every training step with its number, from 1, and its loss, on the thread that trains. Default null.</summary>
    public Action<long, double>? Progress { get; init; }

    /// <summary>Stops the training; <c>Fit</c> then throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Whether a saved model holds the base model or only names its folder. Default embedded.</summary>
    public BaseModelStorage BaseModelStorage { get; init; } = BaseModelStorage.Embedded;

    internal FewShotImageOptions Checked()
    {
        _ = new PeftFineTuneOptions // the checks of names
        {
            Model = Model,
            InputColumn = InputColumn,
            LabelColumn = LabelColumn,
            PredictedLabelColumn = PredictedLabelColumn,
            ScoreColumn = ScoreColumn,
            Adapter = Adapter,
            BaseModelStorage = BaseModelStorage,
        }.Checked();
        ArgumentNullException.ThrowIfNull(Templates);
        _ = new ClassPrompts(["a", "b"], Templates);
        Guard.AtLeast(Shots ?? 1, 1, nameof(Shots));
        Guard.Positive(LogitScale ?? 1, nameof(LogitScale));
        ArgumentNullException.ThrowIfNull(Training);
        Training.Validate();
        return this;
    }
}
