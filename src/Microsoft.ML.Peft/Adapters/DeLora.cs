using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DeLoRA: a low-rank update whose terms have unit length, times one trained strength.</summary>
/// <remarks>
/// <para><c>ΔW = B·diag(λ/(r·‖Aᵢ‖·‖Bⁱ‖))·A·diag(w)</c>, w the lengths of the frozen weight's columns; lengths count as 10⁻⁴ at least.
/// So <c>‖ΔW·diag(1/w)‖</c> is at most λ.</para>
/// <para>Shapes: A (r, in), B (out, r), λ (1), w (in, not trained). Trains r·(in + out) + 1 numbers. Starts as the identity: A
/// Kaiming-uniform, B zero.</para>
/// <para>Source: Bini, Girrbach and Akata 2025, arXiv:2503.18225, §3.</para>
/// </remarks>
public sealed class DeLora : AdditiveAdapter
{
    private const double LeastLength = 1e-4;

    [ComponentName(Name = "delora_A")] private readonly Parameter _a; // (r, in)
    [ComponentName(Name = "delora_B")] private readonly Parameter _b; // (out, r)
    [ComponentName(Name = "delora_lambda")] private readonly Parameter _lambda; // (1)
    [ComponentName(Name = "delora_w_norm")] private readonly Parameter _lengths; // (in)

    private readonly double _dropout;

    /// <summary>Puts DeLoRA on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The layer's rank is below 1.</exception>
    public DeLora(LinearLayer target, DeLoraOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = LayerPattern.Find(options.RankPattern, Path, options.Rank);
        Guard.AtLeast(rank, 1);
        _dropout = options.Dropout;
        var initialization = build.Initialization;
        _a = Trainable(initialization.KaimingUniform(rank, InFeatures));
        _b = Trainable(options.IdentityStart ? initialization.Zeros(OutFeatures, rank) : initialization.KaimingUniform(OutFeatures, rank));
        _lambda = Trainable(initialization.Zeros(1).add_(LayerPattern.Find(options.StrengthPattern, Path, options.Strength)));
        _lengths = Frozen(target.FrozenWeight.to(ScalarType.Float32).norm(0));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _b.mul(Strengths()).mm(_a.mul(_lengths)); // (out, in)

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var low = nn.functional.linear(context.Dropout(x, _dropout), InTypeOf(x, _a.mul(_lengths)));
        return nn.functional.linear(low, InTypeOf(x, _b.mul(Strengths())));
    }

    private Tensor Strengths() // (r)
        => _lambda.div(_a.size(0)).div(_a.norm(1).clamp_min(LeastLength).mul(_b.norm(0).clamp_min(LeastLength)));
}

/// <summary>Settings of <see cref="DeLora"/>.</summary>
[AdapterMethod(
    "DELORA", AdapterFamily.LowRank, Title = "DeLoRA", Paper = "arXiv:2503.18225", Formula = "W + B·diag(λ/(r·‖Aᵢ‖·‖Bⁱ‖))·A·diag(w)",
    Trained = "r·(in + out) + 1", InHuggingFace = true, Merges = true)]
public sealed record DeLoraOptions : BiasedLinearOptions
{
    /// <summary>Rank r of the update: 1 or more. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16, 32, 64)]
    public int Rank { get; init; } = 8;

    /// <summary>Where the strength λ starts, finite and above 0. Default 15.</summary>
    [JsonPropertyName("delora_lambda")]
    public double Strength { get; init; } = 15;

    /// <summary>Share of the input that the added path drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("module_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Ranks of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>Strengths of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("lambda_pattern")]
    public IReadOnlyDictionary<string, double>? StrengthPattern { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Strength);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new DeLora(layer, this, build);
}
