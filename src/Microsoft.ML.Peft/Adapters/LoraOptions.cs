using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="Lora"/> and <see cref="Dora"/>.</summary>
[AdapterMethod(
    "LORA", AdapterFamily.LowRank, Title = "LoRA", Paper = "arXiv:2106.09685", Formula = "W + (α/r)·B·A", Trained = "r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record LoraOptions : BiasedOptions
{
    /// <summary>Rank r of the update: 1 or more. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16, 32, 64)]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale, finite and above 0. Default 8.</summary>
    [JsonPropertyName("lora_alpha"), SearchRange(4, 64, Logarithmic = true)]
    public double Alpha { get; init; } = 8;

    /// <summary>Share of the input that the low-rank path drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Divide α by √r instead of r, so that a large rank still learns. Default false.</summary>
    [JsonPropertyName("use_rslora")]
    public bool RankStabilized { get; init; }

    /// <summary>Ranks of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>Alphas of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("alpha_pattern")]
    public IReadOnlyDictionary<string, double>? AlphaPattern { get; init; }

    /// <summary>How the factors start. Default: as the identity.</summary>
    [JsonPropertyName("init_lora_weights")]
    public LoraStart Start { get; init; } = LoraStart.Default;

    /// <summary>Settings of the start <see cref="LoraStart.Eva"/>; unused by others. Default null: the defaults.</summary>
    [JsonPropertyName("eva_config")]
    public EvaOptions? Eva { get; init; }

    /// <summary>Settings of the start <see cref="LoraStart.Corda"/>; unused by others. Default null: the defaults.</summary>
    [JsonPropertyName("corda_config")]
    public CordaOptions? Corda { get; init; }

    /// <summary>Settings of the start <see cref="LoraStart.LoraGa"/>; unused by others. Default null: the defaults.</summary>
    [JsonPropertyName("lora_ga_config")]
    public LoraGaOptions? LoraGa { get; init; }

    /// <summary>Settings of the start <see cref="LoraStart.LoftQ"/>; unused by others. Default null: the defaults.</summary>
    [JsonPropertyName("loftq_config"), JsonConverter(typeof(LoftQOptions.Converter))]
    public LoftQOptions? LoftQ { get; init; }

    /// <summary>How many training rows a start that is measured looks at. Not kept in files. Default: 8 batches of 32 rows, EVA until it has settled.</summary>
    [JsonIgnore]
    public CalibrationOptions Calibration { get; init; } = new();

    /// <summary>DoRA: the length of each row of the weight is trained apart from its direction (<see cref="Dora"/>). Default false.</summary>
    [JsonPropertyName("use_dora")]
    public bool UseDora { get; init; }

    /// <summary>A trained bias on the low-rank path; it can be merged into layers that have a bias. Default false.</summary>
    [JsonPropertyName("lora_bias")]
    public bool HasBias { get; init; }

    /// <summary>Tokens whose rows of the input embedding are trained beside the low-rank paths. Default none.</summary>
    [JsonPropertyName("trainable_token_indices")]
    public TokenIndices? TrainableTokenIndices { get; init; }

    /// <summary>HF PEFT's wish that layers which share a weight share what is trained of it. Rows of <see cref="TrainableTokenIndices"/> always do; an embedding with a
    /// shared output layer among the targets or copies is refused with it. Default false: the output layer keeps the base weight.</summary>
    [JsonPropertyName("ensure_weight_tying")]
    public bool EnsureWeightTying { get; init; }

    /// <summary>Tokens from whose last occurrence on the adapter acts (<see cref="InvocationGate"/>); it cannot be merged. Default null: everywhere.</summary>
    [JsonPropertyName("alora_invocation_tokens")]
    public IReadOnlyList<int>? InvocationTokens { get; init; }

    /// <summary>Expert tensors to adapt (<see cref="LoraExperts"/>), by name or end of the path, for example <c>mlp.experts.gate_up_proj</c>; beside
    /// <c>target_modules</c>, which can be <see cref="Core.TargetModules.None"/>. As in HF PEFT other filters do not count for them. Default none.</summary>
    [JsonPropertyName("target_parameters")]
    public IReadOnlyList<string>? TargetParameters { get; init; }

    /// <summary>LoRA+: factor of the learning rate of B, above 0. Not kept in files. Default 1. Source: Hayou, Ghosh and Yu 2024, arXiv:2402.12354.</summary>
    [JsonIgnore]
    public double LoraPlusRatio { get; init; } = 1;

    /// <summary>LoRA+: learning rate of the factors of embeddings where <see cref="LoraPlusRatio"/> is not 1, above 0. Not kept in files. Default 1e-6.</summary>
    [JsonIgnore]
    public double LoraPlusEmbeddingRate { get; init; } = 1e-6;

    /// <summary>LoRA-FA: train B alone, with its gradient changed to that of the whole weight. Not kept in files. Default false. Source: arXiv:2308.03303.</summary>
    [JsonIgnore]
    public bool FreezeA { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool CanMerge => InvocationTokens is null;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool MixesInBatch => ParameterTargets.Count == 0;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override IReadOnlyList<string> ParameterTargets => TargetParameters ?? [];

    /// <inheritdoc/>
    protected override IReadOnlyList<string> UnsupportedFields =>
    [
        "arrow_config", "kasa_config", "layer_replication", "monteclora_config", "use_bdlora", "use_qalora", "velora_config",
    ];

    /// <inheritdoc/>
    protected override IReadOnlyList<string> FieldsWithoutEffect => ["qalora_group_size"]; // use_qalora is refused

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        LoraRules.Check(this);
    }

    /// <summary>r and s of a layer.</summary>
    internal (int Rank, double Scale) RankAndScaleOf(string path)
    {
        var (rank, alpha) = RankAndAlphaOf(path);
        return (rank, ScaleOf(rank, alpha));
    }

    /// <summary>r and α of a layer.</summary>
    internal (int Rank, double Alpha) RankAndAlphaOf(string path) => (LayerPattern.Find(RankPattern, path, Rank), LayerPattern.Find(AlphaPattern, path, Alpha));

    /// <summary>s of r and α.</summary>
    internal double ScaleOf(int rank, double alpha) => alpha / (RankStabilized ? Math.Sqrt(rank) : rank);

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or EmbeddingLayer or Conv1dLayer or PatchLayer or ExpertLayer;

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone) => SharedTables.Check(this, backbone);

    /// <inheritdoc/>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter) => FreezeA ? new LoraFaTraining(adapter) : null;

    /// <inheritdoc/>
    protected internal override AdapterCalibration? CreateCalibration(AdapterSet adapter, long seed)
        => IsStored ? null
            : Start == LoraStart.Eva ? new EvaCalibration(this, adapter)
            : Start == LoraStart.Corda ? new CordaCalibration(this, adapter)
            : Start == LoraStart.LoraGa ? new LoraGaCalibration(this, adapter, seed)
            : null;

    /// <inheritdoc/>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts) => LoraSettlement.NotesOn(this);

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter) => LoraSettlement.Of(this, adapter);

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => LoraParts.Of(this, build);
}
