using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of PEAR: the least important parts of an adapter are pruned while it is trained, and the important ones serve their places.</summary>
/// <remarks>
/// <para>Importance of a part with numbers θ: the mean over batches of |gᵀθ|, g the gradient of the task's loss, as a share of its kind.</para>
/// <para>A place that lost its part computes <c>f(x) + γ·a_donor(x) + c(x)</c>, c by <see cref="Checkpoint"/>. What the paper calls a knowledge checkpoint could not
/// be read in full; the kinds here are our readings.</para>
/// <para>Trains, after the pruning, the numbers of the parts that are kept and a gate for each place that borrows. Files hold these, and of each pruned place with the checkpoint
/// <c>frozen</c> the numbers of its part, with <c>mean</c> one vector (out), with <c>none</c> and <c>distil</c> nothing.</para>
/// <para>The paper's schedule is <c>TrainingOptions.Vtab</c>; its scale s is among 0.01, 0.1, 1 and 10 by task: Alpha = s·Rank of LoRA.</para>
/// <para>Source: Zhong and Zhou 2024, arXiv:2409.19733.</para>
/// </remarks>
[AdapterMethod(
    "PEAR", AdapterFamily.Mixture, Title = "Pear", Paper = "arXiv:2409.19733", Formula = "f(x) + γ·a_donor(x) + c(x) at a pruned place, over another method",
    Trained = "the kept parts of the other method, and a number a borrowing place", Merges = true)]
public sealed record PearOptions : ProcedureOptions
{
    /// <summary>Settings with LoRA of rank 8 and dropout 0.1 as the method that is trained.</summary>
    public PearOptions() => Adapter = new LoraOptions { Dropout = 0.1 };

    /// <summary>Share ρ of the parts that are pruned: 0 to below 1. Default 0.5.</summary>
    [JsonPropertyName("prune_ratio"), SearchRange(0.25, 0.75)]
    public double PruneRatio { get; init; } = 0.5;

    /// <summary>Epochs before the parts are measured: 1 or more, and fewer than the run has. Default null: 10 of the paper's 100, that is a tenth of the run's epochs, but
    /// at least 1 and at most 10; half of the steps of a run of one epoch.</summary>
    [JsonPropertyName("score_epoch")]
    public int? ScoreEpoch { get; init; }

    /// <summary>Batches that are measured: 1 or more. Default null: all rows.</summary>
    [JsonPropertyName("score_batches")]
    public int? ScoreBatches { get; init; }

    /// <summary>Rows of a batch that is measured, on which the importance depends: 1 or more. Default 16.</summary>
    [JsonPropertyName("score_batch_size")]
    public int ScoreBatchSize { get; init; } = 16;

    /// <summary>Among which parts the least important ones are looked for. Default <c>kind</c>.</summary>
    [JsonPropertyName("scope")]
    public PearScope Scope { get; init; }

    /// <summary>Which part serves a pruned place. Default <c>ranked</c>.</summary>
    [JsonPropertyName("share")]
    public PearSharing Share { get; init; }

    /// <summary>What is kept of a pruned part. Default <c>frozen</c>.</summary>
    [JsonPropertyName("checkpoint")]
    public PearCheckpoint Checkpoint { get; init; }

    /// <summary>The factor of a borrowed part. Default <c>learned</c>.</summary>
    [JsonPropertyName("gate")]
    public PearGate Gate { get; init; }

    /// <summary>Factor β of the distance to what the pruned parts added, under <see cref="PearCheckpoint.Distil"/>, which falls to 0 by the end: 0 or more. Default 1.</summary>
    [JsonPropertyName("distil_weight")]
    public double DistilWeight { get; init; } = 1;

    /// <summary>Go back to the start of the parts that are kept, and train the whole run with them. Default false.</summary>
    [JsonPropertyName("restart")]
    public bool Restart { get; init; }

    /// <summary>Pruned places with the place that serves each, by path; an empty text for none; found by training. Default null: nothing is pruned yet.</summary>
    [JsonPropertyName("donors")]
    public IReadOnlyDictionary<string, string>? Donors { get; init; }

    /// <summary>Importance of each place, by path; found by training. Default null.</summary>
    [JsonPropertyName("importance")]
    public IReadOnlyDictionary<string, double>? Importance { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(PruneRatio, 0.0, Math.BitDecrement(1.0));
        Guard.AtLeast(ScoreEpoch ?? 1, 1, nameof(ScoreEpoch));
        Guard.AtLeast(ScoreBatches ?? 1, 1, nameof(ScoreBatches));
        Guard.AtLeast(ScoreBatchSize, 1);
        Guard.AtLeast(DistilWeight, 0.0);
        if (Checkpoint == PearCheckpoint.Distil && Share == PearSharing.None)
        {
            throw new ArgumentException("Checkpoint is Distil and Share is None; there is no donor that could be drawn towards what a part added, so choose another of both.");
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var parts = Adapter.CreateParts(build).ToList();
        var blocks = new List<string>(); // in order
        var places = parts.ConvertAll<Adapter>(part => part switch
        {
            AdditiveAdapter { Layer: var layer } linear when Adapter.CanMerge => OfLinear(linear, build.Places.Of(layer) ?? (layer.Path, "")),
            Bottleneck block => new PearBlock(block, $"{block.Point} {Shapes(block)}", block.Block, this),
            _ => throw new PeftException($"PEAR shares parts that stand alone, such as LoRA and bottlenecks; {part.GetType().Name} of {Adapter.Method.Name} does not."),
        });
        Restore([.. places.Cast<IPearPlace>().Select(place => place.Site)]);
        return places;

        PearLinear OfLinear(AdditiveAdapter part, (string Block, string Name) place)
        {
            if (!blocks.Contains(place.Block))
            {
                blocks.Add(place.Block);
            }

            return new PearLinear(part, $"{place.Name} {Shapes(part)}", blocks.IndexOf(place.Block), this);
        }

        static string Shapes(Adapter part) => string.Join(' ', part.parameters().Select(p => string.Join('x', p.shape)));
    }

    /// <summary>The schedule; none where it has run.</summary>
    /// <exception cref="PeftException">The other method has a schedule of its own.</exception>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter)
    {
        using var inner = Adapter.CreateTraining(adapter);
        return inner is not null ? throw new PeftException($"{Adapter.Method.Name} has a schedule of its own with these settings, beside which PEAR cannot prune.")
            : Donors is null ? new PearTraining(this, adapter) : null;
    }

    /// <summary>What the other method adds for the parts that are kept, and the distances of the pass; or null.</summary>
    protected internal override Tensor? Penalty(AdapterSet adapter)
    {
        var sites = Sites(adapter);
        var own = Adapter.Penalty(AdapterSet.Of(adapter.Name, Adapter, [.. sites.Where(site => !site.IsPruned).Select(site => site.Part)], adapter.LayerCount));
        var terms = sites.Select(site => site.TakeTerms()).OfType<Tensor>().ToList();
        var distance = terms.Count == 0 ? null : terms.Aggregate((a, b) => a + b) / sites.Count(site => site.IsPruned);
        return own is null ? distance : distance is null ? own : own + distance;
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
    {
        var sites = Sites(adapter);
        var settled = (PearOptions)base.Settled(adapter);
        return sites.Any(site => site.Importance is not null)
            ? settled with
            {
                Donors = sites.Where(site => site.IsPruned).ToDictionary(site => site.Path, site => site.Donor?.Path ?? ""),
                Importance = sites.ToDictionary(site => site.Path, site => site.Importance ?? 0),
            }
            : settled;
    }

    internal static List<PearSite> Sites(AdapterSet adapter) => [.. adapter.Adapters.OfType<IPearPlace>().Select(place => place.Site)];

    private void Restore(List<PearSite> sites)
    {
        foreach (var site in sites)
        {
            site.Importance = Importance is not null && Importance.TryGetValue(site.Path, out var importance) ? importance : null;
            if (Donors is null || !Donors.TryGetValue(site.Path, out var donor))
            {
                continue;
            }

            site.Prune(donor.Length == 0 ? null : sites.Find(other => other.Path == donor && other.Kind == site.Kind && !Donors.ContainsKey(other.Path))
                ?? throw new PeftException($"Donors says that '{donor}' serves '{site.Path}'; it must be a place of the same kind that has its own part."));
        }
    }
}
