using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>PVeRA: VeRA whose low-rank state is drawn from a normal law that each input chooses.</summary>
/// <remarks>
/// <para><c>(μ, v) = λ_d ⊙ (A·drop(x))</c>, <c>z = μ + ε·exp(v/2)</c> while training and <c>z = μ</c> when predicting,
/// <c>y = W·x + b + λ_b ⊙ (B·z)</c>.</para>
/// <para>Shapes: A (2r, widest in), B (widest out, r), shared and frozen; λ_d (2r), λ_b (out). Trains out + 2r numbers.</para>
/// <para>Starts as the identity: λ_b is 0. The merged weight is that of the mean.</para>
/// <para>Source: HF PEFT's <c>PVERA</c>; docs/methods-spec/pvera.md.</para>
/// </remarks>
public sealed class PVera : AdditiveAdapter
{
    private readonly SharedProjections _shared;
    private readonly Parameter _b; // (out)
    private readonly Parameter _d; // (2r)
    private readonly double _dropout;
    private readonly Generator? _sampler; // of predictions, which have no stream of their own

    /// <summary>Puts PVeRA on a layer.</summary>
    public PVera(LinearLayer target, PVeraOptions options, SharedProjections shared, AdapterBuild build)
        : base(target)
    {
        (_shared, _dropout) = (shared, options.Dropout);
        var start = build.Initialization;
        _b = Trainable(options.StartsAsIdentity ? start.Zeros(OutFeatures) : start.Constant(1, OutFeatures));
        _d = Trainable(options.StartsAsIdentity ? start.Constant(options.InitialScale, 2 * options.Rank) : start.Normal(1, 2 * options.Rank));
        register_parameter("pvera_lambda_b", _b);
        register_parameter("pvera_lambda_d", _d);
        _sampler = options.SampleAtInference ? new Generator((ulong)(options.GeneratorSeed ?? 0)) : null;
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var rank = _d.numel() / 2;
        return B.mul(_b.unsqueeze(1)).mm(A.narrow(0, 0, rank).mul(_d.narrow(0, 0, rank).unsqueeze(1)));
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var parts = linear(context.Dropout(x, _dropout), A.to(x.dtype)).mul(InTypeOf(x, _d)).chunk(2, -1); // (…, r) each
        return linear(Draw(parts[0], parts[1], context), B.to(x.dtype)).mul(InTypeOf(x, _b));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _sampler?.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor A => _shared.A.narrow(1, 0, InFeatures);

    private Tensor B => _shared.B.narrow(0, 0, OutFeatures);

    private Tensor Draw(Tensor mean, Tensor logVariance, ForwardContext context)
    {
        if (context.Training)
        {
            return mean + (context.NormalLike(mean) * logVariance.mul(0.5).exp());
        }

        if (_sampler is null)
        {
            return mean;
        }

        lock (_sampler) // requests on other threads draw from it too
        {
            return mean + (randn(mean.shape, generator: _sampler).to(mean.dtype).to(mean.device) * logVariance.mul(0.5).exp());
        }
    }
}

/// <summary>Settings of <see cref="PVera"/>.</summary>
[AdapterMethod(
    "PVERA", AdapterFamily.LowRank, Title = "PVeRA", Formula = "W·x + λ_b ⊙ B·z, z ~ N(μ(x), σ²(x)), (μ, ln σ²) = λ_d ⊙ A·x", Trained = "out + 2r",
    InHuggingFace = true, Merges = true)]
public sealed record PVeraOptions : SharedProjectionOptions
{
    /// <summary>Rank r of the state: 1 or more. Default 256.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 256;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("pvera_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start of λ_d, finite. Default 0.1.</summary>
    [JsonPropertyName("d_initial")]
    public double InitialScale { get; init; } = 0.1;

    /// <summary>Draw the state when predicting too, instead of taking its mean. Default false.</summary>
    [JsonPropertyName("sample_at_inference")]
    public bool SampleAtInference { get; init; }

    /// <summary>Seed of what predictions draw. Default null: 0.</summary>
    [JsonPropertyName("generator_seed")]
    public long? GeneratorSeed { get; init; }

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
            "pvera",
            projections.Uniform(Math.Sqrt(6.0 / inputs), 2 * Rank, inputs),
            projections.Uniform(Math.Sqrt(6.0 / Rank), outputs, Rank),
            SaveProjection);
        yield return shared;
        foreach (var layer in build.Targets)
        {
            yield return new PVera((LinearLayer)layer, this, shared, build);
        }
    }
}
