using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft;

/// <summary>What a classifier is made of besides its base model.</summary>
public sealed record ClassifierSettings
{
    /// <summary>The adapter to put on the base model, or null to train the head alone.</summary>
    public required AdapterOptions? Adapter { get; init; }

    /// <summary>Class names in the order of the scores; 2 or more, all different.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>Longest input in tokens, special tokens included; longer texts are cut: 3 to what the base model can take. Default 128.</summary>
    public int MaxLength { get; init; } = 128;

    /// <summary>Seed of every random number: start values, order of the rows, dropout. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Where it computes: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Not kept in a saved model. Default <c>cpu</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Type in which the base model computes: Float32 or BFloat16, on a GPU Float16 too. Adapter and head are always Float32, and so are
    /// softmax and loss. A model that is saved with its base holds the base rounded to this type. Not kept in a saved model.
    /// Default: BFloat16 on a GPU, Float32 on the CPU.</summary>
    public ScalarType? Precision { get; init; }

    /// <summary>Checks every setting that does not depend on the base model.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Labels);
        if (Labels.Count < 2)
        {
            throw new ArgumentException(
                $"There {(Labels.Count == 1 ? $"is 1 class, '{Labels[0]}'" : "are no classes")}; a classifier needs at least 2.", nameof(Labels));
        }

        if (Labels.GroupBy(l => l, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"The class '{twice.Key}' is there {twice.Count()} times; class names must differ.", nameof(Labels));
        }

        Guard.InRange(MaxLength, 3, 1 << 20);
        ArgumentException.ThrowIfNullOrWhiteSpace(Device);
        Adapter?.Validate();
    }
}
