using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Procedures.ZeroShot;

namespace Microsoft.ML.Peft;

/// <summary>What an <see cref="ImageTextClassifier"/> is made of besides its base model.</summary>
public sealed record ImageTextSettings
{
    /// <summary>The adapter to put on the base model, or null to compare pictures and texts as the base model does.</summary>
    public required AdapterOptions? Adapter { get; init; }

    /// <summary>Class names in the order of the scores; 2 or more, all different. They are a part of the texts.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>Texts with <c>{}</c> where the class name goes. Default: <c>a photo of a {}.</c></summary>
    public IReadOnlyList<string>? Templates { get; init; }

    /// <summary>Factor of the similarities, above 0; null for the model's own. Default 100, as in CLIP-SVD.</summary>
    public double? LogitScale { get; init; } = 100;

    /// <summary>Seed of what the adapter draws. Default 0.</summary>
    public int Seed { get; init; }

    internal ClassPrompts Prompts => new(Labels, Templates);

    /// <summary>Checks every setting that does not depend on the base model.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public void Validate()
    {
        _ = Prompts;
        Guard.Positive(LogitScale ?? 1, nameof(LogitScale));
        Adapter?.Validate();
    }
}
