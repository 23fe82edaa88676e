using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How <see cref="TriAdaptLora"/> starts; both ways as the identity.</summary>
[JsonConverter(typeof(NameConverter<TriAdaptStart>))]
public enum TriAdaptStart
{
    /// <summary>A and B normal, the core zero.</summary>
    CoreZero,

    /// <summary>A and the core normal, B zero.</summary>
    BZero,
}

/// <summary>Settings of <see cref="TriAdaptLora"/>. Steps are counted from 1, after the optimizer.</summary>
[AdapterMethod(
    "TRIADAPTLORA", AdapterFamily.LowRank, Title = "TriAdaptLoRA", Paper = "arXiv:2501.08008", Formula = "W + (α/r)·B·(L + U)·A, ranks added while training",
    Trained = "r·(in + out) + 2·Σ a_k·n_k for blocks of a_k ranks", Merges = true)]
public sealed record TriAdaptLoraOptions : LinearAdapterOptions
{
    /// <summary>Mean rank of the layers at the end: even, 2 to 128. Default 8.</summary>
    [JsonPropertyName("reference_rank"), SearchChoices(4, 8, 16)]
    public int ReferenceRank { get; init; } = 8;

    /// <summary>Rank of each layer at the start: 1 or more. Default 1.</summary>
    [JsonPropertyName("init_rank")]
    public int InitialRank { get; init; } = 1;

    /// <summary>Ranks that a layer grows by: 1 or more. Default null: half of <see cref="ReferenceRank"/>.</summary>
    [JsonPropertyName("incre_rank_num")]
    public int? GrowthRank { get; init; }

    /// <summary>Steps at the start in which nothing grows: 0 or more. Default 0.</summary>
    [JsonPropertyName("init_warmup")]
    public int InitialSteps { get; init; }

    /// <summary>Steps from one look to the next: 1 or more. Default 1, which uses the whole budget up in a few steps; a twentieth of the run does well.</summary>
    [JsonPropertyName("incre_interval")]
    public int Interval { get; init; } = 1;

    /// <summary>How many layers may grow at a time. Default <c>linear</c>.</summary>
    [JsonPropertyName("rank_growth_model")]
    [JsonConverter(typeof(JsonStringEnumConverter<RankGrowth>))]
    public RankGrowth Growth { get; init; }

    /// <summary>The count of layers under <see cref="RankGrowth.Fixed"/>: 1 or more. Default 1.</summary>
    [JsonPropertyName("top_k")]
    public int TopK { get; init; } = 1;

    /// <summary>Count of steps of the schedule: more than <see cref="InitialSteps"/>. Default null: those of the training run.</summary>
    [JsonPropertyName("total_step")]
    public long? TotalSteps { get; init; }

    /// <summary>Ranks of all layers together at the end, in place of <see cref="ReferenceRank"/>: 1 or more. Default null.</summary>
    [JsonPropertyName("target_total_rank")]
    public int? TargetTotalRank { get; init; }

    /// <summary>Numerator α of the scale, 0 or more; 0 for <see cref="InitialRank"/>. Default 16.</summary>
    [JsonPropertyName("lora_alpha"), SearchRange(8, 64, Logarithmic = true)]
    public double Alpha { get; init; } = 16;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Factor of the orthogonality that is added to the loss: 0 or more. Default 0.1, where the authors' code has 0.5.</summary>
    [JsonPropertyName("orth_reg_weight")]
    public double OrthogonalWeight { get; init; } = 0.1;

    /// <summary>Weight decay of what appears mid-run: 0 to 10; what is there at the start has that of the run. Default 0.</summary>
    [JsonPropertyName("weight_decay")]
    public double WeightDecay { get; init; }

    /// <summary>How it starts. Default <c>core_zero</c>.</summary>
    [JsonPropertyName("init_weights")]
    public TriAdaptStart Start { get; init; }

    /// <summary>Multiply the core when a layer grows, so that its output stays the same; else the update shrinks by (r + 10⁻⁵)/(r + a + 10⁻⁵), as in
    /// the authors' code. Default false.</summary>
    [JsonPropertyName("rescale_on_growth")]
    public bool RescalesOnGrowth { get; init; }

    /// <summary>Let no more layers grow than the missing ranks are enough for, but at least one; else the last look may overshoot. Default false.</summary>
    [JsonPropertyName("strict_budget")]
    public bool IsStrict { get; init; }

    /// <summary>What a core's norm is divided by. Default <c>blocks</c>.</summary>
    [JsonPropertyName("score_divisor")]
    public TriAdaptDivisor Divisor { get; init; }

    /// <summary>Seed of the numbers in new blocks. Default 0.</summary>
    [JsonPropertyName("growth_seed")]
    public long GrowthSeed { get; init; }

    /// <summary>Sizes of the blocks of each layer, by path; found by training. Default null: one of <see cref="InitialRank"/>.</summary>
    [JsonPropertyName("block_sizes")]
    public IReadOnlyDictionary<string, IReadOnlyList<int>>? BlockSizes { get; init; }

    /// <summary>What each layer's score is compared with next, by path; found by training. Default null: the start.</summary>
    [JsonPropertyName("previous_scores")]
    public IReadOnlyDictionary<string, double>? PreviousScores { get; init; }

    /// <summary>Ranks that a layer grows by.</summary>
    internal int GrowthOrDefault => GrowthRank ?? Math.Max(1, ReferenceRank / 2);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (BlockSizes is null && (ReferenceRank is < 2 or > 128 || ReferenceRank % 2 != 0)) // of what is trained already it has no say
        {
            throw new ArgumentOutOfRangeException(nameof(ReferenceRank), $"ReferenceRank is {ReferenceRank}; it must be even, 2 to 128.");
        }

        Guard.AtLeast(InitialRank, 1);
        Guard.AtLeast(GrowthOrDefault, 1, nameof(GrowthRank));
        Guard.AtLeast(InitialSteps, 0);
        Guard.AtLeast(Interval, 1);
        Guard.AtLeast(TopK, 1);
        Guard.AtLeast(TargetTotalRank ?? 1, 1, nameof(TargetTotalRank));
        Guard.AtLeast(Alpha, 0.0);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.AtLeast(OrthogonalWeight, 0.0);
        Guard.InRange(WeightDecay, 0.0, 10.0);
        if (TotalSteps is { } total)
        {
            Guard.AtLeast(total, InitialSteps + 1L, nameof(TotalSteps));
        }

        foreach (var (path, sizes) in BlockSizes ?? new Dictionary<string, IReadOnlyList<int>>())
        {
            if (sizes.Count == 0 || sizes.Any(size => size < 1))
            {
                throw new ArgumentException($"BlockSizes has the sizes {string.Join(", ", sizes)} for '{path}'; there must be one at least, and each must be 1 or more.");
            }
        }
    }

    /// <inheritdoc/>
    protected internal override TargetModules DefaultSelection(Backbone backbone) => TargetModules.AllLinear; // attention and feed-forward, as in the paper

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new TriAdaptLora(layer, this, build);

    /// <inheritdoc/>
    protected internal override AdapterTraining CreateTraining(AdapterSet adapter) => new TriAdaptLoraTraining(this, Parts(adapter));

    /// <inheritdoc/>
    protected internal override Tensor? Penalty(AdapterSet adapter)
    {
        var parts = Parts(adapter);
        return OrthogonalWeight == 0 || parts.Count == 0
            ? null
            : parts.Select(part => part.Skewness()).Aggregate((sum, next) => sum + next).mul(OrthogonalWeight / (2 * parts.Count));
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
    {
        var parts = Parts(adapter);
        return parts.All(part => part.BlockSizes.Count == 1 && part.PreviousScore == 0)
            ? this
            : this with
            {
                BlockSizes = parts.ToDictionary(part => part.Path, part => part.BlockSizes),
                PreviousScores = parts.ToDictionary(part => part.Path, part => part.PreviousScore),
            };
    }

    /// <summary>The sizes of a layer's blocks.</summary>
    internal IReadOnlyList<int> BlocksOf(string path) => BlockSizes is not null && BlockSizes.TryGetValue(path, out var sizes) ? sizes : [InitialRank];

    private static List<TriAdaptLora> Parts(AdapterSet adapter) => [.. adapter.Adapters.OfType<TriAdaptLora>()];
}
