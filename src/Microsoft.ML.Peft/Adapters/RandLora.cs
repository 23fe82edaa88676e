using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>RandLoRA: an update of full rank from n random low-rank products that all layers share, mixed by trained diagonals.</summary>
/// <remarks>
/// <para><c>ΔM = B̄·Ū</c> with <c>Ū[k·n + i, j] = λ[k, i]·A[k, j]·γ[i, j]</c> and <c>B̄[·, i·r + k] = B[·, i, k]</c>; <c>ΔW = s·ΔM</c> where
/// in ≤ out, else <c>s·ΔMᵀ</c>; <c>s = α/r</c>, or <c>α/(r·√n)</c> by the paper's rule.</para>
/// <para>Shapes, with m the smaller and M the larger of in and out and <c>n = ⌈m/r⌉</c>: A (r, 1, m), B (M, n, r), corners of the shared ones; λ (r, n), γ (n, m).
/// Trains r·n + n·m numbers: a smaller rank trains more.</para>
/// <para>Starts as the identity: λ is 0, γ is 1/max(n, m). Training keeps no matrix of the layer's size: Ū is made again in the backward pass.</para>
/// <para>Source: Albert et al. 2025, arXiv:2502.00987, §3; the orders of rows and columns are those of HF PEFT and of the authors' code.</para>
/// </remarks>
public sealed class RandLora : AdditiveAdapter
{
    private readonly SharedProjections _shared;
    private readonly Parameter _lambda; // (r, n)
    private readonly Parameter _gamma; // (n, m)
    private readonly double _scale;
    private readonly double _dropout;
    private bool _repeatsShared; // the file had the shared matrices once more for this layer

    /// <summary>Puts RandLoRA on a layer.</summary>
    /// <exception cref="PeftException">The rank of a new adapter is above the smaller side of the layer; HF PEFT's files may have such ones.</exception>
    public RandLora(LinearLayer target, RandLoraOptions options, SharedProjections shared, AdapterBuild build)
        : base(target)
    {
        var smaller = Math.Min(InFeatures, OutFeatures);
        if (options.Rank > smaller && !options.IsStored)
        {
            throw new PeftException($"r is {options.Rank} and '{Path}' ({OutFeatures} × {InFeatures}) has the smaller side {smaller}, which one product fills already; lower r, or leave the layer out.");
        }

        var bases = RandLoraOptions.BasesOf(smaller, options.Rank);
        (_shared, _dropout) = (shared, options.Dropout);
        _scale = options.Alpha / options.Rank / (options.ScaleRule == RandLoraScale.Paper ? Math.Sqrt(bases) : 1);
        var start = build.Initialization;
        _lambda = Trainable(options.StartsAsIdentity ? start.Zeros(options.Rank, bases) : start.Normal(1, options.Rank, bases));
        _gamma = Trainable(start.Constant(1.0 / (options.StartsAsIdentity ? Math.Max(bases, smaller) : Math.Max(InFeatures, OutFeatures)), bases, smaller));
        register_parameter("randlora_lambda", _lambda);
        register_parameter("randlora_gamma", _gamma);
        register_parameter("randlora_A", shared.A);
        register_parameter("randlora_B", shared.B);
    }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => !IsShared(parameter);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => !IsShared(parameter) || _repeatsShared;

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => _repeatsShared = shapes.ContainsKey("randlora_A");

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var (mixed, b) = RandLoraProduct.Factors(_shared.A, _shared.B, _lambda, _gamma, InFeatures, OutFeatures);
        var delta = InTypeOf(mixed, b).mm(mixed).mul(_scale);
        return InFeatures <= OutFeatures ? delta : delta.t();
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var rows = context.Dropout(x, _dropout).reshape(-1, InFeatures);
        var update = RandLoraProduct.apply(rows, _shared.A, _shared.B, _lambda, _gamma, OutFeatures, _scale);
        return x.dim() == 2 ? update : update.view([.. x.shape[..^1], OutFeatures]);
    }

    private static bool IsShared(string parameter) => parameter is "randlora_A" or "randlora_B";
}

/// <summary>How RandLoRA scales its update.</summary>
[JsonConverter(typeof(RandLoraScaleConverter))]
public enum RandLoraScale
{
    /// <summary>α/r, as HF PEFT.</summary>
    HuggingFace,

    /// <summary>α/(r·√n), as the authors' code.</summary>
    Paper,
}

/// <summary>Settings of <see cref="RandLora"/>.</summary>
[AdapterMethod(
    "RANDLORA", AdapterFamily.LowRank, Title = "RandLoRA", Paper = "arXiv:2502.00987", Formula = "W + s·Σᵢ Bᵢ·Λᵢ·A·Γᵢ", Trained = "⌈m/r⌉·(r + m), m = min(in, out)",
    InHuggingFace = true, Merges = true)]
public sealed record RandLoraOptions : SharedProjectionOptions
{
    /// <summary>Rank r of one random product: 1 to the smaller side of the layer; a smaller one trains more. Default 32.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>Numerator α of the scale, above 0. Default 640.</summary>
    [JsonPropertyName("randlora_alpha")]
    public double Alpha { get; init; } = 640;

    /// <summary>Which scale. Default HF PEFT's, whose files do not know the other one.</summary>
    [JsonPropertyName("scale_rule")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public RandLoraScale ScaleRule { get; init; }

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("randlora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Matrices of −c, 0 and c, a third of them not 0. Default false.</summary>
    [JsonPropertyName("sparse")]
    public bool Sparse { get; init; }

    /// <summary>Matrices of −c, 0 and c, one in √m of them not 0. Default false.</summary>
    [JsonPropertyName("very_sparse")]
    public bool VerySparse { get; init; }

    /// <summary>Type in which A and B are kept: Float32, or BFloat16 or Float16 for half the memory and file, and merges that are less exact. What is computed of
    /// them is of the input's type. Default null: Float32.</summary>
    [JsonPropertyName("projection_dtype"), JsonConverter(typeof(DtypeConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ScalarType? ProjectionType { get; init; }

    /// <summary>Start as the identity; false draws λ, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        DtypeConverter.Require(ProjectionType, nameof(ProjectionType));
    }

    /// <summary>How many products of rank r make up the rank m.</summary>
    internal static long BasesOf(long smaller, long rank) => (smaller + rank - 1) / rank;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var shared = RandomBases.Shared(this, build);
        yield return shared;
        foreach (var layer in build.Targets)
        {
            yield return new RandLora((LinearLayer)layer, this, shared, build);
        }
    }
}

internal sealed class RandLoraScaleConverter() : NamedStartConverter<RandLoraScale>((RandLoraScale.HuggingFace, "hf"), (RandLoraScale.Paper, "paper"));
