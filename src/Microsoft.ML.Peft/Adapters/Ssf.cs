using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>SSF: the output of every linear layer, norm and convolution is scaled and shifted.</summary>
/// <remarks>
/// <para><c>y = γ ⊙ f(x) + β</c>, so <c>W' = γ ⊙ W</c> by rows and <c>b' = γ ⊙ b + β</c>. Shapes: γ, β (out). Trains 2·out numbers a layer.</para>
/// <para>Starts close to the identity: γ normal around 1, β around 0, deviation 0.02. It merges into layers that have a bias.</para>
/// <para>Source: Lian et al. 2022, arXiv:2210.08823, §3.2.</para>
/// </remarks>
public sealed class Ssf : LinearAdapter
{
    [ComponentName(Name = "ssf_scale")] private readonly Parameter _scale; // γ (out)
    [ComponentName(Name = "ssf_shift")] private readonly Parameter _shift; // β (out)

    /// <summary>Puts SSF on a linear layer.</summary>
    public Ssf(LinearLayer target, SsfOptions options, AdapterBuild build)
        : base(target)
    {
        (_scale, _shift) = (Scale(options, build, OutFeatures), Shift(options, build, OutFeatures));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight * _scale.unsqueeze(1);

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? below) => below is null ? _shift : (below * _scale) + _shift;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => (below.Forward(x) * InTypeOf(x, _scale)) + InTypeOf(x, _shift);

    /// <summary>SSF for a layer of any kind.</summary>
    internal static LayerAdapter On(Layer layer, SsfOptions options, AdapterBuild build)
        => layer is LinearLayer linear ? new Ssf(linear, options, build) : new OfWeights(layer, options, build);

    private static Parameter Scale(SsfOptions options, AdapterBuild build, long width)
        => Trainable((options.Start == SsfStart.Normal ? build.Initialization.Normal(0.02, width) : build.Initialization.Zeros(width)).add_(1));

    private static Parameter Shift(SsfOptions options, AdapterBuild build, long width)
        => Trainable(options.Start == SsfStart.Normal ? build.Initialization.Normal(0.02, width) : build.Initialization.Zeros(width));

    private sealed class OfWeights : WeightAdapter
    {
        [ComponentName(Name = "ssf_scale")] private readonly Parameter _scale; // γ (out)
        [ComponentName(Name = "ssf_shift")] private readonly Parameter _shift; // β (out)

        private readonly double _offset; // what the norm adds to its stored scale

        public OfWeights(Layer target, SsfOptions options, AdapterBuild build)
            : base(target)
        {
            _offset = target is RmsNormLayer norm ? norm.Offset : 0;
            var width = target.FrozenWeight!.size(0);
            (_scale, _shift) = (Scale(options, build, width), Shift(options, build, width));
            RegisterComponents();
        }

        protected internal override Tensor Materialize(Tensor weight)
        {
            long[] shape = [-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)];
            var scale = _scale.view(shape);
            return _offset == 0 ? weight * scale : ((weight + _offset) * scale) - _offset;
        }

        protected internal override Tensor? MaterializeBias(Tensor? below) => below is null ? _shift : (below * _scale) + _shift;
    }
}

/// <summary>How SSF starts.</summary>
[JsonConverter(typeof(NameConverter<SsfStart>))]
public enum SsfStart
{
    /// <summary>Scales around 1 and shifts around 0, as the authors' code has it.</summary>
    Normal,

    /// <summary>Scales of 1 and shifts of 0.</summary>
    Identity,
}

/// <summary>Settings of <see cref="Ssf"/>.</summary>
[AdapterMethod(
    "SSF", AdapterFamily.Multiplicative, Title = "SSF", Paper = "arXiv:2210.08823", Formula = "γ ⊙ f(x) + β", Trained = "2·out", InHuggingFace = false, Merges = true)]
public sealed record SsfOptions : AdapterOptions
{
    /// <summary>How it starts. Default: close to the identity, with random numbers.</summary>
    [JsonPropertyName("init")]
    public SsfStart Start { get; init; }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer.FrozenWeight is not null && layer is not EmbeddingLayer;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
        => TargetSelection.ShortestNames(backbone.Layers, layer => Adapts(layer) && layer is not LinearLayer { ScoresVocabulary: true });

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => build.Targets.Select(layer => Ssf.On(layer, this, build));
}
