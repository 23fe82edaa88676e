using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>GraLoRA: the weight is cut into k × k blocks, each with a low-rank update of its own; with a LoRA over the whole beside them
/// where a second rank is given.</summary>
/// <remarks>
/// <para>Block (j, n), outputs j and inputs n, gets <c>s·B_jnᵀ·A_njᵀ</c> with <c>s = α/(r + r₂)</c>: A_nj are r/k of the r columns of A_n, B_jn
/// r/k of the r rows of B_j.</para>
/// <para>Shapes: A (k, in/k, r), B (k, r, out/k); of the whole A₂ (r₂, in), B₂ (out, r₂). Trains (r + r₂)·(in + out) numbers. Starts as the
/// identity: A Kaiming-uniform, B zero.</para>
/// <para>Source: Jung et al. 2025, arXiv:2505.20355, §3.</para>
/// </remarks>
public sealed class GraLora : AdditiveAdapter
{
    [ComponentName(Name = "gralora_A")] private readonly Parameter _a; // (k, in/k, r)
    [ComponentName(Name = "gralora_B")] private readonly Parameter _b; // (k, r, out/k)
    [ComponentName(Name = "gralora_A_general")] private readonly Parameter? _wholeA; // (r₂, in)
    [ComponentName(Name = "gralora_B_general")] private readonly Parameter? _wholeB; // (out, r₂)

    private readonly double _scale;
    private readonly double _dropout;

    /// <summary>Puts GraLoRA on a layer.</summary>
    /// <exception cref="ArgumentException">The blocks do not divide both sides of the weight.</exception>
    public GraLora(LinearLayer target, GraLoraOptions options, AdapterBuild build)
        : base(target)
    {
        long blocks = options.Blocks, rank = options.Rank, whole = options.HybridRank;
        if (InFeatures % blocks != 0 || OutFeatures % blocks != 0)
        {
            throw new ArgumentException($"Blocks is {blocks}; it must divide both the {InFeatures} inputs and the {OutFeatures} outputs of '{Path}'.");
        }

        _scale = options.Alpha / (rank + whole);
        _dropout = options.Dropout;
        var initialization = build.Initialization;
        _a = Trainable(initialization.KaimingUniform(blocks, rank, InFeatures / blocks).transpose(1, 2).contiguous());
        _b = Trainable(options.IdentityStart
            ? initialization.Zeros(blocks, rank, OutFeatures / blocks)
            : initialization.KaimingUniform(blocks, OutFeatures / blocks, rank).transpose(1, 2).contiguous());
        if (whole > 0)
        {
            _wholeA = Trainable(initialization.KaimingUniform(whole, InFeatures));
            _wholeB = Trainable(options.IdentityStart ? initialization.Zeros(OutFeatures, whole) : initialization.KaimingUniform(OutFeatures, whole));
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter)
        => parameter.EndsWith("_general", StringComparison.Ordinal) ? parameter + ".weight" : parameter;

    /// <inheritdoc/>
    protected internal override Tensor Delta() => Update(eye(InFeatures, device: _a.device)).t().mul(_scale);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => Update(context.Dropout(x, _dropout).reshape(-1, InFeatures)).mul(_scale).reshape([.. x.shape[..^1], OutFeatures]);

    private Tensor Update(Tensor x) // (tokens, in) gives (tokens, out)
    {
        var (blocks, rank) = (_a.size(0), _a.size(2));
        var low = x.view(-1, blocks, InFeatures / blocks).transpose(0, 1).bmm(InTypeOf(x, _a)); // (n, tokens, r)
        var moved = low.view(blocks, -1, blocks, rank / blocks).permute(2, 1, 0, 3).reshape(blocks, -1, rank); // (j, tokens, r)
        var y = moved.bmm(InTypeOf(x, _b)).transpose(0, 1).reshape(-1, OutFeatures);
        return _wholeA is null ? y : y + linear(linear(x, InTypeOf(x, _wholeA)), InTypeOf(x, _wholeB!));
    }
}

/// <summary>Settings of <see cref="GraLora"/>.</summary>
[AdapterMethod(
    "GRALORA", AdapterFamily.LowRank, Title = "GraLoRA", Paper = "arXiv:2505.20355", Formula = "W + α/(r + r₂)·([B_jn·A_nj] + B₂·A₂)",
    Trained = "(r + r₂)·(in + out)", InHuggingFace = true, Merges = true)]
public sealed record GraLoraOptions : BiasedLinearOptions
{
    /// <summary>Rank r of a row of blocks, a multiple of <see cref="Blocks"/>. Default 32.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>Rank r₂ of the LoRA over the whole weight, 0 for none. Default 0.</summary>
    [JsonPropertyName("hybrid_r")]
    public int HybridRank { get; init; }

    /// <summary>Numerator α of the scale, finite and above 0. Default 64.</summary>
    [JsonPropertyName("alpha"), SearchRange(8, 128, Logarithmic = true)]
    public double Alpha { get; init; } = 64;

    /// <summary>Share of the input that the added paths drop while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("gralora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Count k of blocks along each side: a divisor of inputs and outputs. Default 2.</summary>
    [JsonPropertyName("gralora_k")]
    public int Blocks { get; init; } = 2;

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(HybridRank, 0);
        Guard.AtLeast(Blocks, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        if (Rank % Blocks != 0)
        {
            throw new ArgumentException($"Rank is {Rank} and Blocks is {Blocks}; the rank must be a multiple of the blocks.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new GraLora(layer, this, build);
}
