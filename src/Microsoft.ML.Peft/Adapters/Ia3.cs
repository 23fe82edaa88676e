using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>(IA)³: one trained factor for each output of a layer, or for each input of a feed-forward layer.</summary>
/// <remarks>
/// <para><c>y = l ⊙ (W·x + b)</c>, or <c>y = W·(l ⊙ x) + b</c> on the layers that <see cref="Ia3Options.FeedForwardModules"/> names.</para>
/// <para>Shapes: l (out, 1), or (1, in). Trains out or in numbers.</para>
/// <para>Starts as the identity: l is 1.</para>
/// <para>Source: Liu et al. 2022, arXiv:2205.05638, §3.3.</para>
/// </remarks>
public sealed class Ia3 : LinearAdapter, IScalingPart
{
    [ComponentName(Name = "ia3_l")] private readonly Parameter _l; // (out, 1) or (1, in)

    /// <summary>Puts (IA)³ on a layer.</summary>
    public Ia3(LinearLayer target, Ia3Options options, AdapterBuild build)
        : base(target)
    {
        ScalesInput = options.IsFeedForward(Path, build);
        long[] shape = ScalesInput ? [1, InFeatures] : [OutFeatures, 1];
        _l = Trainable(options.StartsAsIdentity ? build.Initialization.Constant(1, shape) : build.Initialization.Normal(1, shape));
        RegisterComponents();
    }

    private Ia3(LinearLayer target, bool scalesInput, Tensor factors)
        : base(target)
    {
        (ScalesInput, _l) = (scalesInput, Trainable(factors));
        RegisterComponents();
    }

    /// <summary>True where the factors are those of the inputs.</summary>
    public bool ScalesInput { get; }

    Tensor IScalingPart.Factors => _l;

    LayerAdapter IScalingPart.With(Tensor factors) => new Ia3(Layer, ScalesInput, factors);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight * _l;

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias) => ScalesInput || bias is null ? bias : bias * _l.view(-1);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var factors = InTypeOf(x, _l).view(-1);
        return ScalesInput ? below.Forward(x * factors) : below.Forward(x) * factors;
    }
}

/// <summary>Settings of <see cref="Ia3"/>.</summary>
[AdapterMethod(
    "IA3", AdapterFamily.Multiplicative, Title = "(IA)³", Paper = "arXiv:2205.05638", Formula = "l ⊙ (W·x + b); feed-forward: W·(l ⊙ x) + b",
    Trained = "out; feed-forward: in", InHuggingFace = true, Merges = true)]
public sealed record Ia3Options : LinearAdapterOptions
{
    /// <summary>Which of the targets scale their input instead of their output: names, or a pattern on the whole path. Default null: the architecture's own.</summary>
    [JsonPropertyName("feedforward_modules")]
    public FeedForwardModules? FeedForwardModules { get; init; }

    /// <summary>Start with factors of 1; false draws them from N(0, 1), for tests. Default true.</summary>
    [JsonPropertyName("init_ia3_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (FeedForwardModules?.Names is { } names && TargetModules?.Names is { } targets
            && names.Where(name => !targets.Any(target => EndsWith(name, target))).ToArray() is { Length: > 0 } others)
        {
            throw new ArgumentException(
                $"FeedForwardModules names {string.Join(", ", others)}, which TargetModules ({TargetModules}) does not; it must be a part of them.");
        }
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or Conv1dLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Ia3(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new Ia3Convolution(layer, this, build);

    /// <summary>True if the layer's inputs are scaled.</summary>
    internal bool IsFeedForward(string path, AdapterBuild build) => FeedForwardModules is { } named
        ? named.Matches(path)
        : build.Backbone.FeedForwardTargets.Any(name => path.EndsWith(name, StringComparison.Ordinal));

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
    {
        if (FeedForwardModules is not null)
        {
            return this;
        }

        // HF PEFT wants the names of targets; where a name covers both kinds, whole paths say which.
        var parts = adapter.Adapters.OfType<IScalingPart>().Select(part => (((LayerAdapter)part).Path, part.ScalesInput)).ToList();
        var scaled = parts.Where(part => part.ScalesInput).Select(part => part.Path).ToList();
        var names = (TargetModules?.Names ?? []).Where(name => parts.Any(part => EndsWith(part.Path, name))
            && parts.Where(part => EndsWith(part.Path, name)).All(part => part.ScalesInput)).ToList();
        return this with { FeedForwardModules = new(scaled.All(path => names.Any(name => EndsWith(path, name))) ? names : scaled) };
    }

    private static bool EndsWith(string path, string name) => path == name || path.EndsWith("." + name, StringComparison.Ordinal);
}
