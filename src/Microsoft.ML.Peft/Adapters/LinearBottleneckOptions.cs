using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Where a <see cref="LinearBottleneck"/> stands.</summary>
public enum BottleneckPlacement
{
    /// <summary>As the layer's name says: in front of the layers that a decoder's feed-forward part begins with, behind the one that ends it, beside
    /// those that make queries, keys and values.</summary>
    Auto,

    /// <summary>In front of the layer: <c>y = W·(x + f(x)) + b</c>.</summary>
    SeriesInput,

    /// <summary>Behind the layer: <c>u = W·x + b, y = u + f(u)</c>.</summary>
    SeriesOutput,

    /// <summary>Beside the layer: <c>y = W·x + b + f(x)</c>.</summary>
    Parallel,
}

/// <summary>Settings of <see cref="LinearBottleneck"/>. <see cref="LlmAdapters"/> gives those of the paper for a model.</summary>
/// <remarks>Default targets, for LLaMA and decoders of its layout, BLOOM, OPT and GPT-J: every layer of the feed-forward part; with
/// <see cref="BottleneckPlacement.SeriesInput"/> or <see cref="BottleneckPlacement.SeriesOutput"/> those that begin or end it; with
/// <see cref="BottleneckPlacement.Parallel"/> queries, keys and values. Other models need <see cref="AdapterOptions.TargetModules"/>.</remarks>
[AdapterMethod(
    "BOTTLENECK", AdapterFamily.Bottleneck, Title = "LLM-Adapters bottleneck", Paper = "arXiv:2304.01933", Formula = "W·(x + f(x)), u + f(u), or W·x + f(x); f(h) = c·U·σ(D·h)",
    Trained = "2·m·in, 2·m·out or m·(in + out)")]
public sealed record LinearBottleneckOptions : BiasedLinearOptions
{
    internal const string Linear = "linear";

    private const string Learnt = "learned";

    /// <summary>Width m of the bottleneck: 1 or more. Default 256.</summary>
    [JsonPropertyName("bottleneck_size"), SearchChoices(8, 16, 32, 64, 128, 256)]
    public int Width { get; init; } = 256;

    /// <summary>Name of σ, as in config.json files: <c>tanh</c>, <c>relu</c>, <c>gelu</c>, <c>silu</c> or another; <c>linear</c> for none. Default <c>tanh</c>.</summary>
    [JsonPropertyName("non_linearity"), SearchChoices("tanh", "relu", "gelu")]
    public string Activation { get; init; } = "tanh";

    /// <summary>Share of the network's input that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("adapter_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Where the network stands. Default: as the layer's name says.</summary>
    [JsonPropertyName("placement"), JsonConverter(typeof(JsonStringEnumConverter<BottleneckPlacement>))]
    public BottleneckPlacement Placement { get; init; }

    /// <summary>c, finite and above 0. Default 1.</summary>
    [JsonIgnore]
    public double Scale { get; init; } = 1;

    /// <summary>True to train c, from 1 on; <see cref="Scale"/> must be 1 then. Default false.</summary>
    [JsonIgnore]
    public bool LearnsScale { get; init; }

    /// <summary><c>bert</c>: D and U normal with deviation 0.02, near the identity. <c>mam_adapter</c>: D Kaiming-uniform, U zero, the identity. Default <c>bert</c>.</summary>
    [JsonPropertyName("init_weights")]
    public string Start { get; init; } = Bottleneck.StartBert;

    /// <summary>The authors' files say whether it stands beside its layers, and leave the rest to their names.</summary>
    [JsonInclude, JsonPropertyName("use_parallel_adapter")]
    internal bool IsParallel
    {
        get => Placement == BottleneckPlacement.Parallel;
        init => Placement = value ? BottleneckPlacement.Parallel : Placement;
    }

    /// <summary>The authors' files say so of the network behind the feed-forward part alone.</summary>
    [JsonInclude, JsonPropertyName("use_adapterp")]
    internal bool IsBehindFeedForward
    {
        get => Placement == BottleneckPlacement.SeriesOutput;
        init => Placement = value ? BottleneckPlacement.SeriesOutput : Placement;
    }

    /// <summary>A number, or <c>learned</c>.</summary>
    [JsonInclude, JsonPropertyName("scaling")]
    internal JsonNode? WrittenScale
    {
        get => LearnsScale ? Learnt : Scale;
        init => (LearnsScale, Scale) = value?.GetValueKind() switch
        {
            JsonValueKind.Number => (false, value.GetValue<double>()),
            JsonValueKind.String when value.GetValue<string>() == Learnt => (true, 1),
            _ => throw new ArgumentException($"scaling is {value?.ToJsonString() ?? "null"}; it must be a number or '{Learnt}'."),
        };
    }

    /// <summary>True where nothing stands between the layers.</summary>
    internal bool IsLinear => Activation == Linear;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool CanMerge => IsLinear;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Width, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.Positive(Scale);
        _ = Layers.Activation.Named(Activation);
        if (!Enum.IsDefined(Placement))
        {
            throw new ArgumentException($"Placement is {Placement}; it must be {string.Join(", ", Enum.GetNames<BottleneckPlacement>())}.");
        }

        if (LearnsScale && Scale != 1)
        {
            throw new ArgumentException($"LearnsScale is true and Scale is {Scale}; a learnt scale starts at 1, so leave Scale at 1.");
        }

        if (Start is not (Bottleneck.StartBert or Bottleneck.StartZero))
        {
            throw new ArgumentException($"Start is '{Start}'; it must be '{Bottleneck.StartBert}' or '{Bottleneck.StartZero}'.");
        }
    }

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        return LlmLayerNames.Find(backbone.Config.ModelType) is not { } names ? [] : Placement switch
        {
            BottleneckPlacement.SeriesInput => names.FeedForwardInputs,
            BottleneckPlacement.SeriesOutput => [names.FeedForwardOutput],
            BottleneckPlacement.Parallel => names.AttentionInputs,
            _ => [.. names.FeedForwardInputs, names.FeedForwardOutput],
        };
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new LinearBottleneck(layer, this, build);
}
