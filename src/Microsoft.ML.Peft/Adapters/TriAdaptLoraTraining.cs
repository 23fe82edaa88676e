using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How many layers may grow at a time, of the share c of the schedule that is behind and the ranks R that are missing.</summary>
public enum RankGrowth
{
    /// <summary><c>⌊R·c⌋</c>, which the paper found best.</summary>
    [JsonStringEnumMemberName("linear")]
    Linear,

    /// <summary><c>⌊exp(c·ln R)⌋</c>.</summary>
    [JsonStringEnumMemberName("non-linear")]
    NonLinear,

    /// <summary>Always <see cref="TriAdaptLoraOptions.TopK"/>.</summary>
    [JsonStringEnumMemberName("fixed")]
    Fixed,
}

/// <summary>What a core's norm is divided by before it is compared.</summary>
[JsonConverter(typeof(NameConverter<TriAdaptDivisor>))]
public enum TriAdaptDivisor
{
    /// <summary>The count of blocks, as in the authors' code.</summary>
    Blocks,

    /// <summary>The rank, as in the paper's text.</summary>
    Rank,
}

/// <summary>The schedule of <see cref="TriAdaptLora"/>: lets the layers grow whose cores have grown most since the last look.</summary>
internal sealed class TriAdaptLoraTraining(TriAdaptLoraOptions options, IReadOnlyList<TriAdaptLora> parts) : AdapterTraining
{
    private readonly int _target = options.TargetTotalRank ?? (options.ReferenceRank * parts.Count);

    private bool _hasGrown;

    public override bool ReadsGradients => false;

    public override bool HasChanged => _hasGrown;

    public override void BeforeForward(TrainingPoint point) => Each(part => part.Join());

    public override void BeforeStep(TrainingPoint point) => Each(part => part.HandBack());

    public override void AfterStep(TrainingPoint point)
    {
        _hasGrown = false;
        Each(part => part.Separate());
        var (step, total) = (point.Step + 1, parts.Sum(part => part.Rank));
        if (total >= _target || step <= options.InitialSteps || step % options.Interval != 0)
        {
            return;
        }

        var scores = parts.Select(part => part.Evaluate()).ToArray();
        var progress = (double)(step - options.InitialSteps) / ((options.TotalSteps ?? point.TotalSteps) - options.InitialSteps);
        var count = Count(total, progress);
        var threshold = scores.OrderDescending().ElementAt(count - 1);
        // Equal scores grow together, beyond the count; within a strict budget the earlier layers go first.
        var chosen = Enumerable.Range(0, parts.Count).Where(k => scores[k] >= threshold);
        foreach (var k in options.IsStrict ? [.. chosen.OrderByDescending(k => scores[k]).Take(count)] : chosen.ToArray())
        {
            parts[k].Grow(options.GrowthOrDefault);
            _hasGrown = true;
        }
    }

    public override void Finish() => Each(part => part.Separate());

    protected override void Dispose(bool disposing) => Finish();

    private void Each(Action<TriAdaptLora> action)
    {
        foreach (var part in parts)
        {
            action(part);
        }
    }

    /// <summary>How many layers may grow.</summary>
    /// <param name="total">Ranks of all layers.</param>
    /// <param name="progress">Share of the schedule that is behind.</param>
    internal int Count(int total, double progress)
    {
        var missing = _target - total;
        var wanted = options.Growth switch
        {
            RankGrowth.Linear => Math.Floor(missing * progress),
            RankGrowth.NonLinear => Math.Floor(Math.Exp(progress * Math.Log(missing))),
            _ => options.TopK,
        };
        var most = options.IsStrict ? Math.Min(parts.Count, missing / options.GrowthOrDefault) : parts.Count;
        return (int)Math.Max(1, Math.Min(wanted, most));
    }
}
