using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoLDU: the weight is factored as P·L·D·U and the first r numbers of the diagonal D are trained.</summary>
/// <remarks>
/// <para><c>W' = W + s·B·diag(z − z₀)·A</c> with <c>B = P·L[:, :r]</c>, <c>A = U[:r]</c>, <c>s = α/r</c> and z₀ the first r pivots.</para>
/// <para>Shapes: z (r); B (out, r); A (r, in); the factors are made again from the base when an adapter is loaded. Trains r numbers.</para>
/// <para>Starts as the identity, whatever z starts with, unless <c>residual_from_pivots</c> is set: then other starts than the pivots change the model, as in the authors' code.</para>
/// <para>Source: Shi et al. 2024, arXiv:2410.13618.</para>
/// </remarks>
public sealed class LoLdu : AdditiveAdapter
{
    private readonly Parameter _z;   // (r)
    private readonly Tensor _start;  // z₀ (r)
    private readonly Tensor _b;      // (out, r)
    private readonly Tensor _a;      // (r, in)
    private readonly double _scale;

    /// <summary>Factors the weight of a layer.</summary>
    /// <exception cref="PeftException">The rank is above the smaller side of the layer.</exception>
    public LoLdu(LinearLayer target, LoLduOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = options.Rank;
        if (rank > Math.Min(InFeatures, OutFeatures))
        {
            throw new PeftException($"r is {rank} and '{Path}' ({OutFeatures} × {InFeatures}) has {Math.Min(InFeatures, OutFeatures)} pivots; lower r.");
        }

        _scale = options.Alpha / rank;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (p, l, u) = linalg.lu(target.Weight.Dense().to(ScalarType.Float64));
        var pivots = u.diagonal().narrow(0, 0, rank);
        var upper = u.narrow(0, 0, rank);
        var smallest = pivots.abs().max().item<double>() * options.PivotEps;
        var safe = pivots.where(pivots.abs().gt(smallest), ones_like(pivots).mul_(double.PositiveInfinity)); // a row without a pivot is left out
        _a = Keep("factor_A", upper / safe.unsqueeze(1));
        _b = Keep("factor_B", p.mm(l).narrow(1, 0, rank));
        var diagonal = pivots.to(ScalarType.Float32);
        var z = Start(options.Start, diagonal, build.Initialization);
        _start = Keep("start_z", options.ResidualFromPivots ? diagonal : z);
        _z = Trainable(z.clone());
        register_parameter("vector_z", _z);

        Tensor Keep(string name, Tensor values)
        {
            var kept = values.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();
            register_buffer(name, kept, persistent: false);
            return kept;
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => (_b * (_z - _start).mul(_scale)).mm(_a);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(x, InTypeOf(x, _a)) * InTypeOf(x, (_z - _start).mul(_scale)), InTypeOf(x, _b));

    private static Tensor Start(LoLduStart start, Tensor pivots, Initialization random)
    {
        var (rank, mean) = (pivots.size(0), pivots.mean().item<float>());
        return start switch
        {
            LoLduStart.Uniform => random.Uniform(Math.Abs(mean) / 2, rank),
            LoLduStart.SUniform => random.Uniform(1, rank),
            LoLduStart.Normal => random.Normal(rank > 1 ? pivots.std().item<float>() : 0, rank).add_(mean),
            LoLduStart.SNormal => random.Normal(1, rank),
            LoLduStart.Constant => random.Constant(mean, rank),
            LoLduStart.Ones => random.Constant(1, rank),
            LoLduStart.Zeros => random.Zeros(rank),
            _ => pivots,
        };
    }
}

/// <summary>What the diagonal of <see cref="LoLdu"/> starts with; μ and σ are mean and deviation of the pivots.</summary>
public enum LoLduStart
{
    /// <summary>The pivots.</summary>
    Lu,

    /// <summary>Uniform on ±|μ|/2.</summary>
    Uniform,

    /// <summary>Uniform on ±1.</summary>
    SUniform,

    /// <summary>Normal with μ and σ.</summary>
    Normal,

    /// <summary>Normal with mean 0 and deviation 1.</summary>
    SNormal,

    /// <summary>μ.</summary>
    Constant,

    /// <summary>1.</summary>
    Ones,

    /// <summary>0.</summary>
    Zeros,
}

/// <summary>Settings of <see cref="LoLdu"/>.</summary>
[AdapterMethod(
    "LOLDU", AdapterFamily.Additive, Title = "LoLDU", Paper = "arXiv:2410.13618", Formula = "W + (α/r)·P·L·diag(z − z₀)·U", Trained = "r", Merges = true)]
public sealed record LoLduOptions : LinearAdapterOptions
{
    /// <summary>Count r of trained pivots: 1 to the smaller side of the layer. Default 4.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 4;

    /// <summary>Numerator α of the scale, above 0. Default 1.</summary>
    [JsonPropertyName("loldu_alpha")]
    public double Alpha { get; init; } = 1;

    /// <summary>What the diagonal starts with. Default: the pivots.</summary>
    [JsonPropertyName("init")]
    [JsonConverter(typeof(JsonStringEnumConverter<LoLduStart>))]
    public LoLduStart Start { get; init; }

    /// <summary>True to take the pivots out of the base whatever the start, which then changes the model. Default false.</summary>
    [JsonPropertyName("residual_from_pivots")]
    public bool ResidualFromPivots { get; init; }

    /// <summary>Pivots below this share of the largest one are left out: 0 to 1. Default 1e-8.</summary>
    [JsonPropertyName("pivot_eps")]
    public double PivotEps { get; init; } = 1e-8;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(PivotEps, 0.0, 1.0);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new LoLdu(layer, this, build);
}
