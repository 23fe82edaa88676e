using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Draws the rank of <see cref="DyLora"/>, the same for all layers, before each step.</summary>
public sealed class DyLoraTraining : AdapterTraining
{
    private readonly DyLora[] _layers;
    private readonly DyLoraOptions _options;
    private readonly Random _random; // seeded: the same numbers on every machine

    internal DyLoraTraining(AdapterSet adapter, DyLoraOptions options)
    {
        (_layers, _options) = ([.. adapter.Adapters.OfType<DyLora>()], options);
        _random = new Random(unchecked((int)(options.RankSeed ^ (options.RankSeed >> 32))));
    }

    /// <inheritdoc/>
    public override void BeforeForward(TrainingPoint point) => Set(Draw());

    /// <summary>Back to the full rank.</summary>
    public override void Finish() => Set(_options.Rank);

    /// <summary>A rank, drawn evenly from the multiples of the block size.</summary>
    internal int Draw()
    {
        var lowest = (_options.SmallestRank + _options.BlockSize - 1) / _options.BlockSize;
        return _random.Next(lowest, (_options.Rank / _options.BlockSize) + 1) * _options.BlockSize;
    }

    private void Set(int rank) => Array.ForEach(_layers, layer => layer.ActiveRank = rank);
}

/// <summary>Cuts a trained <see cref="DyLora"/> to a smaller rank.</summary>
public static class DyLoraTruncation
{
    /// <summary>A plain LoRA adapter of the first ranks, copies of trained layers included; the adapter stays as it is.</summary>
    /// <param name="adapter">A DyLoRA adapter.</param>
    /// <param name="rank">1 to r.</param>
    /// <param name="name">Name of the result.</param>
    /// <exception cref="PeftException">The adapter is of another method.</exception>
    public static AdapterSet Truncate(AdapterSet adapter, int rank, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var options = adapter.Options as DyLoraOptions
            ?? throw new PeftException($"The adapter '{adapter.Name}' is of the method {adapter.Options?.Method.Name ?? "none"}; only DYLORA is trained to be cut to any rank.");
        Guard.InRange(rank, 1, options.Rank);
        var lora = new LoraOptions
        {
            Rank = rank,
            Alpha = options.Alpha,
            TargetModules = options.TargetModules,
            ExcludeModules = options.ExcludeModules,
            LayersToTransform = options.LayersToTransform,
            LayersPattern = options.LayersPattern,
            ModulesToSave = options.ModulesToSave,
        };
        return AdapterSet.Of(
            name,
            lora,
            [.. adapter.Adapters.OfType<LayerAdapter>().Select(part => part is DyLora layer ? layer.Truncated(rank) : TrainedCopy.Again(part))],
            adapter.LayerCount);
    }
}
