using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings that the methods with small networks in the blocks share. <see cref="AdapterOptions.LayersToTransform"/> chooses the blocks;
/// default: every block.</summary>
public abstract record BottleneckOptions : AdapterOptions
{
    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => false;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RefuseTargets();
    }

    /// <summary>Makes the parts of one block.</summary>
    /// <param name="site">The block.</param>
    /// <param name="build">Paths of layers, start values.</param>
    /// <param name="shared">What <see cref="CreateShared"/> made.</param>
    protected internal abstract IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared);

    /// <summary>Makes what the blocks share. Default: nothing.</summary>
    protected internal virtual Adapter? CreateShared(AdapterBuild build) => null;

    /// <inheritdoc/>
    protected internal sealed override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var sites = Sites(build.Backbone);
        if (CreateShared(build) is not { } shared)
        {
            return sites.SelectMany(site => CreateParts(site, build, null));
        }

        return [shared, .. sites.SelectMany(site => CreateParts(site, build, shared))];
    }

    /// <summary>Width of the bottleneck: the hidden width divided by a factor, rounded down, at least 1.</summary>
    internal static long WidthOf(long hidden, double factor) => Math.Max(1, (long)(hidden / factor));

    internal static void CheckStart(string start)
    {
        if (start is not (Bottleneck.StartBert or Bottleneck.StartZero or Bottleneck.StartCut))
        {
            throw new ArgumentException($"Start is '{start}'; it must be '{Bottleneck.StartBert}', '{Bottleneck.StartZero}' or '{Bottleneck.StartCut}'.");
        }
    }

    private IReadOnlyList<BlockSite> Sites(Backbone backbone)
    {
        if (backbone.Blocks.Count == 0)
        {
            throw new PeftException($"{Method.Name} goes on transformer blocks; a model of type '{backbone.Config.ModelType}' has none.");
        }

        if (LayersToTransform is not { Count: > 0 } chosen)
        {
            return backbone.Blocks;
        }

        var beyond = chosen.Where(block => block < 0 || block >= backbone.Blocks.Count).ToList();
        return beyond.Count == 0
            ? [.. chosen.Distinct().Order().Select(block => backbone.Blocks[block])]
            : throw new PeftException($"LayersToTransform names the blocks {string.Join(", ", beyond)}; the model has the blocks 0 to {backbone.Blocks.Count - 1}.");
    }
}

/// <summary>Settings of the methods with two dense layers in a block.</summary>
public abstract record DenseBottleneckOptions : BottleneckOptions
{
    /// <summary>The hidden width divided by the width of the bottleneck, above 0.</summary>
    [JsonPropertyName("reduction_factor")]
    public double ReductionFactor { get; init; }

    /// <summary>Name of the function between the layers, as in config.json files.</summary>
    [JsonPropertyName("non_linearity")]
    public string Activation { get; init; } = "relu";

    /// <summary>Factor of what is added, finite and above 0.</summary>
    [JsonPropertyName("scaling")]
    public double Scale { get; init; } = 1;

    /// <summary>A learned factor beside <see cref="Scale"/>.</summary>
    [JsonPropertyName("learned_scaling")]
    [JsonConverter(typeof(JsonStringEnumConverter<LearnedScale>))]
    public LearnedScale LearnedScale { get; init; }

    /// <summary>How the layers start: <c>bert</c>, normal with deviation 0.02; <c>mam_adapter</c>, the identity; <c>houlsby</c>, normal with
    /// deviation 0.01 cut at 0.02. Biases start at 0.</summary>
    [JsonPropertyName("init_weights")]
    public string Start { get; init; } = Bottleneck.StartBert;

    /// <summary>Share of what is added that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("dropout")]
    public double Dropout { get; init; }

    /// <summary>Multiply with a learned gate, the mean of σ(g·x + c) over the tokens of a row. Default false.</summary>
    [JsonPropertyName("use_gating")]
    public bool Gated { get; init; }

    /// <summary>Probability that a row gets nothing, while training: 0 to 0.99.</summary>
    [JsonPropertyName("stochastic_depth")]
    public double StochasticDepth { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.Positive(ReductionFactor);
        Guard.Positive(Scale);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.InRange(StochasticDepth, 0.0, 0.99);
        CheckStart(Start);
        _ = Layers.Activation.Named(Activation);
    }

    private protected Bottleneck Dense(Layer after, BlockPoint point, BottleneckInput input, BlockSite site, AdapterBuild build)
        => new(
            new BottleneckForm(build.PathOf(after), point, site.Index, site.Width, WidthOf(site.Width, ReductionFactor))
            {
                Input = input,
                Activation = Activation,
                Start = Start,
                Scale = Scale,
                LearnedScale = LearnedScale,
                OuterDropout = Dropout,
                DropRows = StochasticDepth,
                Gated = Gated,
            },
            build.Initialization);
}
