using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>RoAd: the outputs of a layer are turned and scaled in pairs.</summary>
/// <remarks>
/// <para>Of each group of g outputs the first half z₁ pairs with the second z₂: <c>z₁' = c₁⊙z₁ − s₁⊙z₂</c>, <c>z₂' = c₂⊙z₂ + s₂⊙z₁</c> with
/// <c>c = α·cos θ</c>, <c>s = α·sin θ</c>.</para>
/// <para>Shapes: θ and α (out/2): one for both of a pair; (out): one for each output; or (2·out): one for c and one for s of each output.
/// Trains out, 2·out or 4·out numbers.</para>
/// <para>Starts as the identity: θ is 0, α is 1.</para>
/// <para>Source: Liao and Monz 2024, arXiv:2409.00119, §3.</para>
/// </remarks>
public sealed class RoAd : LinearAdapter
{
    [ComponentName(Name = "road_theta")] private readonly Parameter _theta;
    [ComponentName(Name = "road_alpha")] private readonly Parameter _alpha;

    private readonly RoAdOptions _options;

    /// <summary>Puts RoAd on a layer.</summary>
    /// <exception cref="PeftException">The groups do not divide the outputs.</exception>
    public RoAd(LinearLayer target, RoAdOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        if (OutFeatures % options.GroupSize != 0)
        {
            throw new PeftException($"GroupSize is {options.GroupSize}, which does not divide the {OutFeatures} outputs of '{Path}'; choose an even divisor.");
        }

        var size = options.Variant switch { RoAdVariant.Road1 => OutFeatures / 2, RoAdVariant.Road2 => OutFeatures, _ => 2 * OutFeatures };
        var start = build.Initialization;
        _theta = Trainable(options.StartsAsIdentity ? start.Zeros(size) : start.Normal(0.5, size));
        _alpha = Trainable(options.StartsAsIdentity ? start.Constant(1, size) : start.Normal(0.5, size).add_(1));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => Turn(weight.to(ScalarType.Float32).t()).t();

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias) => bias is null ? null : Turn(bias.to(ScalarType.Float32));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => Turn(below.Forward(x));

    private Tensor Turn(Tensor z) // (…, out)
    {
        var (shape, half) = (z.shape, _options.GroupSize / 2);
        var (cosine, sine) = Factors();
        var pairs = z.reshape([.. shape[..^1], shape[^1] / _options.GroupSize, 2, half]); // (…, groups, 2, g/2)
        var (first, second) = (pairs.select(-2, 0), pairs.select(-2, 1));
        var crossed = stack([second.neg(), first], -2);
        return ((pairs * cosine.to(z.dtype)) + (crossed * sine.to(z.dtype))).reshape(shape);
    }

    /// <summary>(groups, 2 or 1, g/2) each.</summary>
    private (Tensor Cosine, Tensor Sine) Factors()
    {
        var half = _options.GroupSize / 2;
        if (_options.Variant != RoAdVariant.Road4)
        {
            var rows = _options.Variant == RoAdVariant.Road1 ? 1 : 2;
            var (theta, alpha) = (_theta.view(-1, rows, half), _alpha.view(-1, rows, half));
            return (alpha * theta.cos(), alpha * theta.sin());
        }

        // Of each group the first g numbers are those of the cosines, the next g those of the sines.
        var (angles, scales) = (_theta.view(-1, 2, 2, half), _alpha.view(-1, 2, 2, half));
        return (scales.select(1, 0) * angles.select(1, 0).cos(), scales.select(1, 1) * angles.select(1, 1).sin());
    }
}

/// <summary>How many numbers RoAd trains.</summary>
[JsonConverter(typeof(RoAdVariantConverter))]
public enum RoAdVariant
{
    /// <summary>One angle and scale for a pair.</summary>
    Road1,

    /// <summary>One for each output.</summary>
    Road2,

    /// <summary>Two for each output.</summary>
    Road4,
}

/// <summary>Settings of <see cref="RoAd"/>.</summary>
[AdapterMethod(
    "ROAD", AdapterFamily.Multiplicative, Title = "RoAd", Paper = "arXiv:2409.00119", Formula = "R·(W·x + b), R turns and scales pairs", Trained = "out, 2·out or 4·out",
    InHuggingFace = true, Merges = true)]
public sealed record RoAdOptions : LinearAdapterOptions
{
    /// <summary>How many numbers are trained. Default one angle and scale for a pair.</summary>
    [JsonPropertyName("variant")]
    public RoAdVariant Variant { get; init; }

    /// <summary>Outputs of a group, even, a divisor of the outputs. Default 64.</summary>
    [JsonPropertyName("group_size")]
    public int GroupSize { get; init; } = 64;

    /// <summary>Start as the identity; false draws θ and α with deviation 0.5, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(GroupSize, 2);
        if (GroupSize % 2 != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(GroupSize), $"GroupSize is {GroupSize}; it must be even.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new RoAd(layer, this, build);
}

internal sealed class RoAdVariantConverter() : NamedStartConverter<RoAdVariant>((RoAdVariant.Road1, "road_1"), (RoAdVariant.Road2, "road_2"), (RoAdVariant.Road4, "road_4"));
