using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of HEAT: heads are ranked by a first-order Taylor score while an adapter is trained, and the least useful ones silenced.</summary>
/// <remarks>
/// <para>Score of a head with numbers θ: the mean over batches of |gᵀθ|, g the gradient of the task's loss, without dropout; normalised in each block.</para>
/// <para>Merged, the columns after silent heads are zero; <see cref="TextClassifier.SaveMerged"/> can leave their rows and columns out. The paper's schedule is <c>TrainingOptions.Vtab</c>.</para>
/// <para>Which three scores the paper means and what it masks could not be read in full; those here are ours after its summary.</para>
/// <para>Source: Zhong and Zhou 2024, arXiv:2404.08894.</para>
/// </remarks>
[AdapterMethod(
    "HEAT", AdapterFamily.Selective, Title = "HEAT", Paper = "arXiv:2404.08894", Formula = "[m₁·O₁ … m_h·O_h] of an attention's heads, m ∈ {0, 1}, over another method",
    Trained = "as the other method", Merges = true)]
public sealed record HeatOptions : ProcedureOptions
{
    /// <summary>Heads that are silenced in a block: 0 to one less than it has. Default 2.</summary>
    [JsonPropertyName("n_prune"), SearchRange(0, 2)]
    public int PrunedHeads { get; init; } = 2;

    /// <summary>Share of the heads of a block in place of <see cref="PrunedHeads"/>, rounded down: 0 to 1. Default null.</summary>
    [JsonPropertyName("prune_ratio")]
    public double? PruneRatio { get; init; }

    /// <summary>What the importance is measured of. Default <c>activation</c>.</summary>
    [JsonPropertyName("strategy")]
    public HeadImportance Strategy { get; init; }

    /// <summary>How products become one number. Default <c>abs_sum</c>.</summary>
    [JsonPropertyName("reduction")]
    public HeadReduction Reduction { get; init; }

    /// <summary>Among which heads the least important ones are looked for. Default <c>per_layer</c>.</summary>
    [JsonPropertyName("selection")]
    public HeadSelection Selection { get; init; }

    /// <summary>What is silenced. Default <c>output</c>. With <c>delta</c> files hold the rows of B of the other heads alone:
    /// <c>Σ_blocks Σ_{query, value} [r·in + r·d_h·(h − silent)]</c> numbers.</summary>
    [JsonPropertyName("mask")]
    public HeadMasking Mask { get; init; }

    /// <summary>Epochs before the heads are measured: 1 or more, and fewer than the run has. Default null: the paper's 10 of 100, that is a tenth of the run's epochs, but
    /// at least 1 and at most 10; half of the steps of a run of one epoch.</summary>
    [JsonPropertyName("warmup_epochs")]
    public int? WarmupEpochs { get; init; }

    /// <summary>Batches that are measured: 1 or more. Default null: all rows.</summary>
    [JsonPropertyName("score_batches")]
    public int? ScoreBatches { get; init; }

    /// <summary>Rows of a batch that is measured, on which the score depends: 1 or more. Default 16.</summary>
    [JsonPropertyName("score_batch_size")]
    public int ScoreBatchSize { get; init; } = 16;

    /// <summary>Go back to the adapter's start after the heads are measured, and train the whole run with the others. Default false.</summary>
    [JsonPropertyName("restart")]
    public bool Restart { get; init; }

    /// <summary>Epochs from one measuring to the next, or 0 for one alone. Default 0. Silent heads are measured as if they spoke: what they give is taken before the mask, gradients pass
    /// the mask, and with <c>delta</c> the rows of B are those that they had; a head that speaks again gets these back.</summary>
    [JsonPropertyName("rescore_every")]
    public int RescoreEvery { get; init; }

    /// <summary>Count the weights of the layer after the heads too, under <see cref="HeadImportance.Weight"/>. Default false.</summary>
    [JsonPropertyName("include_out")]
    public bool IncludeOut { get; init; }

    /// <summary>Silent heads of each block; found by training. Default null: none yet.</summary>
    [JsonPropertyName("silent_heads")]
    public IReadOnlyList<IReadOnlyList<int>>? SilentHeads { get; init; }

    /// <summary>What each head of each block mattered; found by training. Default null.</summary>
    [JsonPropertyName("head_scores")]
    public IReadOnlyList<IReadOnlyList<double>>? HeadScores { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(PrunedHeads, 0);
        Guard.InRange(PruneRatio ?? 0, 0.0, 1.0, nameof(PruneRatio));
        Guard.AtLeast(WarmupEpochs ?? 1, 1, nameof(WarmupEpochs));
        Guard.AtLeast(ScoreBatches ?? 1, 1, nameof(ScoreBatches));
        Guard.AtLeast(ScoreBatchSize, 1);
        Guard.AtLeast(RescoreEvery, 0);
        if ((Mask == HeadMasking.Delta || Strategy == HeadImportance.Adapter) && Adapter is not LoraOptions { UseDora: false, HasBias: false })
        {
            throw new ArgumentException($"Adapter is {Adapter.Method.Name}; the mask 'delta' and the strategy 'adapter' need the share of each head in an update, which plain LoRA has.");
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var sites = build.Backbone.Blocks.Where(site => LayersToTransform is not { Count: > 0 } chosen || chosen.Contains(site.Index)).ToList();
        if (sites.Count == 0)
        {
            throw new PeftException($"HEAT goes on the attention of blocks; a model of type '{build.Backbone.Config.ModelType}' has none of those asked for.");
        }

        if (SilentHeads is { } known && known.Count != sites.Count)
        {
            throw new PeftException($"SilentHeads has {known.Count} blocks and the model {sites.Count}; the adapter is for another model.");
        }

        var parts = Adapter.CreateParts(build).ToList();
        // Behind the other method's parts, so that a mask is in front of what they add to the layer after the heads.
        var masks = sites.Select(site => new HeadMask(site.Heads.Output, site.Heads, site.Index, Mask == HeadMasking.Output)).ToList();
        for (var k = 0; k < masks.Count; k++)
        {
            masks[k].Scores = HeadScores?[k];
            if (SilentHeads is not null)
            {
                masks[k].Silence([.. Enumerable.Range(0, masks[k].Heads.Heads).Select(SilentHeads[k].Contains)]);
            }
        }

        if (Mask == HeadMasking.Delta && SilentHeads is not null)
        {
            HeatShares.Settle(parts, masks);
        }

        return parts.Concat(masks);
    }

    /// <inheritdoc/>
    protected internal override AdapterTraining CreateTraining(AdapterSet adapter)
        => new HeatTraining(this, adapter, Adapter.CreateTraining(adapter));

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
    {
        var masks = Masks(adapter);
        var settled = (HeatOptions)base.Settled(adapter);
        return masks.Any(mask => mask.Scores is not null)
            ? settled with
            {
                SilentHeads = [.. masks.Select(mask => (IReadOnlyList<int>)[.. Enumerable.Range(0, mask.Silent.Count).Where(h => mask.Silent[h])])],
                HeadScores = [.. masks.Select(mask => mask.Scores!)],
            }
            : settled;
    }

    /// <summary>How many heads of a block are silenced.</summary>
    /// <exception cref="PeftException">None would be left.</exception>
    internal int PrunedOf(HeadMap heads)
    {
        var count = PruneRatio is { } ratio ? Math.Min((int)(ratio * heads.Heads), heads.Heads - 1) : PrunedHeads;
        return count < heads.Heads
            ? count
            : throw new PeftException($"PrunedHeads is {count} and '{heads.Output.Path}' has {heads.Heads} heads, of which one at least must be left; lower it, or set PruneRatio, a share of the heads of each block.");
    }

    internal static List<HeadMask> Masks(AdapterSet adapter) => [.. adapter.Adapters.OfType<HeadMask>()];
}
