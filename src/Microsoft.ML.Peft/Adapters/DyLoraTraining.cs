using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Draws the rank of <see cref="DyLora"/>, the same for all layers, before each step.</summary>
public sealed class DyLoraTraining : AdapterTraining
{
    private readonly DyLora[] _layers;
    private readonly DyLoraOptions _options;
    private readonly Random _random; // seeded: the same numbers on every machine
    private (Tensor A, Tensor B)[] _before = [];

    internal DyLoraTraining(AdapterSet adapter, DyLoraOptions options)
    {
        (_layers, _options) = ([.. adapter.Adapters.OfType<DyLora>()], options);
        _random = new Random(unchecked((int)(options.RankSeed ^ (options.RankSeed >> 32))));
    }

    /// <summary>Draws the rank of the step, which it keeps: passes whose gradients are added up for one step, and parts that are computed again, have the same.</summary>
    public override void BeforeForward(TrainingPoint point) => Set(Draw());

    /// <inheritdoc/>
    public override void BeforeStep(TrainingPoint point)
    {
        if (_options.MasksStep)
        {
            _before = Array.ConvertAll(_layers, layer => layer.Copy());
        }
    }

    /// <inheritdoc/>
    public override void AfterStep(TrainingPoint point)
    {
        for (var k = 0; k < _before.Length; k++)
        {
            _layers[k].RestoreAllButLast(_before[k].A, _before[k].B);
        }

        _before = []; // the trainer's scope of the step frees them
    }

    /// <summary>Back to the full rank.</summary>
    public override void Finish() => Set(_options.Rank);

    /// <summary>A rank, drawn from the multiples of the block size.</summary>
    internal int Draw()
    {
        var lowest = (_options.SmallestRank + _options.BlockSize - 1) / _options.BlockSize;
        var highest = _options.Rank / _options.BlockSize;
        if (_options.Ranks == DyLoraRanks.Uniform)
        {
            return _random.Next(lowest, highest + 1) * _options.BlockSize;
        }

        // The k for which the law's sum up to k passes a number drawn evenly.
        var (rest, count) = (1 - _options.RankProbability, highest - lowest + 1);
        var share = _random.NextDouble() * (1 - Math.Pow(rest, count));
        var k = (int)Math.Floor(Math.Log(1 - share) / Math.Log(rest));
        return (lowest + Math.Min(k, count - 1)) * _options.BlockSize;
    }

    private void Set(int rank) => Array.ForEach(_layers, layer => layer.ActiveRank = rank);
}

/// <summary>Cuts a trained <see cref="DyLora"/> to a smaller rank, for a look or for good.</summary>
public static class DyLoraTruncation
{
    /// <summary>Sets the rank b at which all layers of an adapter compute and merge: to compare the ranks after training. A new run, or a file, has the full rank.</summary>
    /// <param name="adapter">A DyLoRA adapter.</param>
    /// <param name="rank">1 to r.</param>
    /// <exception cref="PeftException">The adapter is of another method, or merged.</exception>
    public static void SetRank(AdapterSet adapter, int rank)
    {
        Guard.InRange(rank, 1, OptionsOf(adapter).Rank);
        if (adapter.IsMerged)
        {
            throw new PeftException($"The adapter '{adapter.Name}' is merged at another rank; unmerge it before its rank is set to {rank}.");
        }

        foreach (var layer in adapter.Adapters.OfType<DyLora>())
        {
            layer.ActiveRank = rank;
        }
    }

    /// <summary>A plain LoRA adapter of the first ranks, copies of trained layers included; the adapter stays as it is.</summary>
    /// <param name="adapter">A DyLoRA adapter.</param>
    /// <param name="rank">1 to r.</param>
    /// <param name="name">Name of the result.</param>
    /// <exception cref="PeftException">The adapter is of another method.</exception>
    public static AdapterSet Truncate(AdapterSet adapter, int rank, string name = "default")
    {
        var options = OptionsOf(adapter);
        Guard.InRange(rank, 1, options.Rank);
        return AdapterSet.Of(
            name,
            AdapterConversion.OnTargetsOf(options, rank, options.Alpha),
            [.. adapter.Adapters.OfType<LayerAdapter>().Select(part => part is DyLora layer ? layer.Truncated(rank) : TrainedCopy.Again(part))],
            adapter.LayerCount);
    }

    private static DyLoraOptions OptionsOf(AdapterSet adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return adapter.Options as DyLoraOptions
            ?? throw new PeftException($"The adapter '{adapter.Name}' is of the method {adapter.Options?.Method.Name ?? "none"}; only DYLORA is trained to be cut to any rank.");
    }
}
