using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="AdaLora"/>. Steps are counted from 1, after the optimizer.</summary>
[AdapterMethod(
    "ADALORA", AdapterFamily.LowRank, Title = "AdaLoRA", Paper = "arXiv:2303.10512", Formula = "W + (α/r)·B·diag(E)·A, ranks taken away while training",
    Trained = "r·(in + out + 1) at the start", InHuggingFace = true, Merges = true)]
public sealed record AdaLoraOptions : BiasedLinearOptions
{
    /// <summary>Rank of each layer at the start: 1 or more. Default 12.</summary>
    [JsonPropertyName("init_r")]
    public int InitialRank { get; init; } = 12;

    /// <summary>Mean rank of the layers at the end: 1 to <see cref="InitialRank"/>. Default 8.</summary>
    [JsonPropertyName("target_r")]
    public int TargetRank { get; init; } = 8;

    /// <summary>Numerator α of the scale, finite and above 0. Default 8.</summary>
    [JsonPropertyName("lora_alpha")]
    public double Alpha { get; init; } = 8;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout")]
    public double Dropout { get; init; }

    /// <summary>Steps at the start in which no rank is taken away: 0 or more. Default 0.</summary>
    [JsonPropertyName("tinit")]
    public int InitialSteps { get; init; }

    /// <summary>Steps at the end in which the ranks stay as they are: 0 or more. Default 0.</summary>
    [JsonPropertyName("tfinal")]
    public int FinalSteps { get; init; }

    /// <summary>Ranks are taken away every so many steps: 1 or more. Default 1.</summary>
    [JsonPropertyName("deltaT")]
    public int Interval { get; init; } = 1;

    /// <summary>Share of the old importance in the new mean: above 0 and below 1. Default 0.85.</summary>
    [JsonPropertyName("beta1")]
    public double Beta1 { get; init; } = 0.85;

    /// <summary>Share of the old uncertainty in the new mean: above 0 and below 1. Default 0.85.</summary>
    [JsonPropertyName("beta2")]
    public double Beta2 { get; init; } = 0.85;

    /// <summary>Factor of the orthogonality that is added to the loss: 0 or more. Default 0.5.</summary>
    [JsonPropertyName("orth_reg_weight")]
    public double OrthogonalWeight { get; init; } = 0.5;

    /// <summary>Count of steps of the schedule: more than <see cref="InitialSteps"/> + <see cref="FinalSteps"/>. Default null: those of the training run.</summary>
    [JsonPropertyName("total_step")]
    public long? TotalSteps { get; init; }

    /// <summary>Which ranks are left, by <c>layer path.lora_E</c>; found by training. Default null: all.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, IReadOnlyList<bool>>? RankPattern { get; init; }

    /// <summary>Start as the identity; false draws every factor with deviation 1, for tests. Default true.</summary>
    [JsonPropertyName("init_lora_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    protected override IReadOnlyList<string> UnsupportedFields =>
    [
        "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config", "layer_replication", "loftq_config", "lora_bias",
        "lora_ga_config", "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "velora_config",
    ];

    /// <inheritdoc/>
    protected override IReadOnlyList<string> FieldsWithoutEffect => ["alpha_pattern", "ensure_weight_tying", "qalora_group_size", "r", "use_rslora"];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(InitialRank, 1);
        Guard.InRange(TargetRank, 1, InitialRank);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.AtLeast(InitialSteps, 0);
        Guard.AtLeast(FinalSteps, 0);
        Guard.AtLeast(Interval, 1);
        Guard.InRange(Beta1, 1e-6, 1 - 1e-6);
        Guard.InRange(Beta2, 1e-6, 1 - 1e-6);
        Guard.AtLeast(OrthogonalWeight, 0.0);
        if (TotalSteps is { } total)
        {
            Guard.AtLeast(total, InitialSteps + FinalSteps + 1L, nameof(TotalSteps));
        }
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new AdaLora(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build)
        => Dropout == 0
            ? new FilterAdapter(layer, filters => new AdaLora(filters, this, build))
            : throw new PeftException($"'{layer.Path}' is a convolution, on which AdaLoRA has no dropout here; leave it out of the targets, or unset Dropout.");

    /// <summary>The schedule; none where the ranks are those of a file, which stay.</summary>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter)
        => RankPattern is null ? new AdaLoraTraining(this, [.. Parts(adapter)]) : null;

    /// <inheritdoc/>
    protected internal override Tensor? Penalty(AdapterSet adapter)
    {
        var parts = Parts(adapter).ToList();
        Tensor? sum = null;
        foreach (var part in OrthogonalWeight == 0 ? [] : parts)
        {
            var distance = Distance(part.A.mm(part.A.t())) + Distance(part.B.t().mm(part.B));
            sum = sum is null ? distance : sum + distance;
        }

        return sum?.mul(OrthogonalWeight / (2 * parts.Count));

        static Tensor Distance(Tensor product) => (product - eye(product.size(0), device: product.device)).norm();
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
    {
        var parts = Parts(adapter).ToList();
        var isCut = parts.Any(part => part.Kept is not null && part.A.size(0) == part.Kept.Count(kept => kept));
        return this with
        {
            TotalSteps = TotalSteps ?? parts.FirstOrDefault()?.TrainedSteps,
            RankPattern = isCut ? parts.ToDictionary(part => part.PatternKey, part => part.Kept ?? [.. Enumerable.Repeat(true, InitialRank)]) : RankPattern,
        };
    }

    private static IEnumerable<AdaLora> Parts(AdapterSet adapter) => adapter.Adapters.Select(FilterAdapter.Unwrapped).OfType<AdaLora>();
}
