using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA: a trained low-rank product beside a frozen linear layer.</summary>
/// <remarks>
/// <para><c>y = W·x + b + s·B·A·drop(x)</c> with <c>s = α/r</c>, or <c>α/√r</c> when rank-stabilized.</para>
/// <para>Shapes: x (…, in); W (out, in); A (r, in); B (out, r); y (…, out). Trains r·(in + out) numbers.</para>
/// <para>Starts as the identity: A is Kaiming-uniform (a = √5), B is zero.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685, §4.1; rank-stabilized: Kalajdzievski 2023, arXiv:2312.03732.</para>
/// </remarks>
public sealed class Lora : AdditiveAdapter
{
    [ComponentName(Name = "lora_A")] private readonly Parameter _a; // (r, in)
    [ComponentName(Name = "lora_B")] private readonly Parameter _b; // (out, r)

    private readonly double _scale;
    private readonly double _dropout;

    /// <summary>Puts LoRA on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside the range that its property names.</exception>
    public Lora(LinearLayer target, LoraOptions options, AdapterBuild build)
        : base(target)
    {
        var initialization = build.Initialization;
        var rank = LayerPattern.Find(options.RankPattern, Path, options.Rank);
        var alpha = LayerPattern.Find(options.AlphaPattern, Path, options.Alpha);
        Guard.AtLeast(rank, 1);
        _scale = alpha / (options.RankStabilized ? Math.Sqrt(rank) : rank);
        _dropout = options.Dropout;

        // The authors' code draws A like this, not by the normal law of the paper; HF PEFT and we follow the code.
        _a = Trainable(options.Start == LoraStart.Gaussian
            ? initialization.Normal(1.0 / rank, rank, InFeatures)
            : initialization.KaimingUniform(rank, InFeatures));
        _b = Trainable(options.Start == LoraStart.Random
            ? initialization.KaimingUniform(OutFeatures, rank)
            : initialization.Zeros(OutFeatures, rank));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _b.mm(_a).mul(_scale); // (out, in)

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        // Two thin products cost r·(in + out) a row; Delta would cost in·out.
        var low = linear(context.Dropout(x, _dropout), InTypeOf(x, _a)); // (…, r)
        return linear(low.mul(_scale), InTypeOf(x, _b));                 // (…, out)
    }

    /// <inheritdoc/>
    protected override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
        => x.dim() == 2 // scale and sum ride along with the second product
            ? output.addmm(linear(context.Dropout(x, _dropout), InTypeOf(x, _a)), InTypeOf(x, _b).t(), 1f, (float)_scale)
            : base.AddTo(output, x, context);
}

/// <summary>How LoRA's factors start.</summary>
[JsonConverter(typeof(LoraStartConverter))]
public enum LoraStart
{
    /// <summary>A Kaiming-uniform, B zero: the identity.</summary>
    Default,

    /// <summary>A normal with deviation 1/r, B zero: the identity.</summary>
    Gaussian,

    /// <summary>A and B Kaiming-uniform: not the identity; for tests.</summary>
    Random,
}

/// <summary>Settings of <see cref="Lora"/>.</summary>
[AdapterMethod(
    "LORA", AdapterFamily.LowRank, Title = "LoRA", Paper = "arXiv:2106.09685", Formula = "W + (α/r)·B·A", Trained = "r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record LoraOptions : LinearAdapterOptions
{
    /// <summary>Rank r of the update: 1 or more. Default 8.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale, finite and above 0. Default 8.</summary>
    [JsonPropertyName("lora_alpha")]
    public double Alpha { get; init; } = 8;

    /// <summary>Share of the input that the low-rank path drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout")]
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
    public LoraStart Start { get; init; }

    /// <summary>Which biases are trained too: <c>none</c>, <c>all</c>, or <c>lora_only</c> for those of the adapted layers. Default <c>none</c>.</summary>
    [JsonPropertyName("bias")]
    public string Bias { get; init; } = "none";

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override string TrainedBiases => Bias;

    /// <inheritdoc/>
    protected override IReadOnlyList<string> UnsupportedFields =>
    [
        "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config", "layer_replication",
        "loftq_config", "lora_bias", "lora_ga_config", "monteclora_config", "target_parameters",
        "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "velora_config",
    ];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Lora(layer, this, build);
}
