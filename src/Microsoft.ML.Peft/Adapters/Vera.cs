using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>VeRA: two random matrices that all layers share, scaled by two trained vectors of each layer.</summary>
/// <remarks>
/// <para><c>y = W·x + b + λ_b ⊙ (B·(λ_d ⊙ (A·drop(x))))</c>.</para>
/// <para>Shapes: A (r, widest in), B (widest out, r), of which a layer takes its corner; λ_d (r), λ_b (out). Trains out + r numbers.</para>
/// <para>Starts as the identity: λ_b is 0, λ_d is <see cref="VeraOptions.InitialScale"/>; A and B are uniform with variance 2/fan_in.</para>
/// <para>Source: Kopiczko et al. 2024, arXiv:2310.11454, §3.1.</para>
/// </remarks>
public sealed class Vera : AdditiveAdapter
{
    private readonly SharedProjections _shared;
    private readonly Parameter _b; // (out)
    private readonly Parameter _d; // (r)
    private readonly double _dropout;

    /// <summary>Puts VeRA on a layer.</summary>
    public Vera(LinearLayer target, VeraOptions options, SharedProjections shared, AdapterBuild build)
        : base(target)
    {
        (_shared, _dropout) = (shared, options.Dropout);
        var start = build.Initialization;
        _b = Trainable(options.StartsAsIdentity ? start.Zeros(OutFeatures) : start.Constant(1, OutFeatures));
        _d = Trainable(options.StartsAsIdentity ? start.Constant(options.InitialScale, options.Rank) : start.Normal(1, options.Rank));
        register_parameter("vera_lambda_b", _b);
        register_parameter("vera_lambda_d", _d);
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => B.mul(_b.unsqueeze(1)).mm(A.mul(_d.unsqueeze(1)));

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var low = linear(context.Dropout(x, _dropout), A.to(x.dtype)).mul(InTypeOf(x, _d)); // (…, r)
        return linear(low, B.to(x.dtype)).mul(InTypeOf(x, _b));                             // (…, out)
    }

    private Tensor A => _shared.A.narrow(1, 0, InFeatures);

    private Tensor B => _shared.B.narrow(0, 0, OutFeatures);
}

/// <summary>Settings of <see cref="Vera"/>.</summary>
[AdapterMethod(
    "VERA", AdapterFamily.LowRank, Title = "VeRA", Paper = "arXiv:2310.11454", Formula = "W + diag(λ_b)·B·diag(λ_d)·A", Trained = "out + r",
    InHuggingFace = true, Merges = true)]
public sealed record VeraOptions : SharedProjectionOptions
{
    /// <summary>Rank r of the shared matrices: 1 or more. Default 256.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 256;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("vera_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start of λ_d, finite. Default 0.1.</summary>
    [JsonPropertyName("d_initial")]
    public double InitialScale { get; init; } = 0.1;

    /// <summary>Start as the identity; false starts with λ_b = 1 and a random λ_d, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.InRange(InitialScale, double.MinValue, double.MaxValue);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var (inputs, outputs) = build.WidestLinear();
        using var projections = build.Initialization.Seeded(ProjectionKey);
        var shared = new SharedProjections(
            "vera",
            projections.Uniform(Math.Sqrt(6.0 / inputs), Rank, inputs),
            projections.Uniform(Math.Sqrt(6.0 / Rank), outputs, Rank),
            SaveProjection);
        yield return shared;
        foreach (var layer in build.Targets)
        {
            yield return new Vera((LinearLayer)layer, this, shared, build);
        }
    }
}
