using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How the down matrices of <see cref="Hydra"/> start.</summary>
[JsonConverter(typeof(HydraStartConverter))]
public enum HydraStart
{
    /// <summary>Kaiming-uniform with a = √5: the authors' for language, and <c>kaiming</c> in files.</summary>
    Kaiming,

    /// <summary>Xavier-uniform: the authors' for VTAB-1k, and <c>xavier</c> in files.</summary>
    Xavier,

    /// <summary>Normal with deviation 0.02: the authors' for CLIP, and <c>normal002</c> in files.</summary>
    Normal,
}

/// <summary>Settings of <see cref="Hydra"/>.</summary>
[AdapterMethod(
    "HYDRA", AdapterFamily.LowRank, Title = "Hydra", Paper = "arXiv:2309.06922", Formula = "W + s·(B_p·A_p + B_s·A_s·W)",
    Trained = "r_p·(in + out) + r_s·2·out", Merges = true)]
public sealed record HydraOptions : LinearAdapterOptions
{
    /// <summary>Rank of the branch beside the layer; 0 leaves it out. Default 4.</summary>
    [JsonPropertyName("r_parallel"), SearchChoices(0, 2, 4, 8)]
    public int ParallelRank { get; init; } = 4;

    /// <summary>Rank of the branch behind the layer; 0 leaves it out. Default 8.</summary>
    [JsonPropertyName("r_sequential"), SearchChoices(2, 4, 8, 16)]
    public int SequentialRank { get; init; } = 8;

    /// <summary>s, above 0. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.1, 4.5, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>True to train s, one a branch, from <see cref="Scaling"/> on. Default false.</summary>
    [JsonPropertyName("learn_scaling")]
    public bool LearnsScale { get; init; }

    /// <summary>Share of the low-rank code that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("hydra_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>True for biases in the branches. Default false.</summary>
    [JsonPropertyName("use_bias")]
    public bool UseBias { get; init; }

    /// <summary>How the down matrices start. Default Kaiming.</summary>
    [JsonPropertyName("init_down")]
    public HydraStart DownStart { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(ParallelRank, 0);
        Guard.AtLeast(SequentialRank, 0);
        if (ParallelRank == 0 && SequentialRank == 0)
        {
            throw new ArgumentException("ParallelRank and SequentialRank are both 0, which leaves no branch; set one of them to 1 or more.");
        }

        Guard.Positive(Scaling);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <summary>As in the paper: the last layer of each block's feed-forward part, in vision transformers that of its attention too, in CLIP that of the image
    /// encoder's feed-forward part alone, and that of the attention where the feed-forward part is one of experts.</summary>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        var layers = backbone switch
        {
            VisionEncoder => backbone.Blocks.SelectMany(site => (Layer[])[site.Attention, site.FeedForward]),
            ImageTextEncoder => backbone.Blocks.Select(site => site.FeedForward).Where(layer => PathOf(layer).Contains("vision_model.", StringComparison.Ordinal)),
            _ => backbone.Blocks.Select(site => site.FeedForward is ExpertLayer ? site.Attention : site.FeedForward),
        };
        return [.. layers.Select(PathOf)];

        string PathOf(Layer layer) => backbone.Layers.Newer is { } newer ? newer[layer.Index].Path : layer.Path;
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Hydra(layer, this, build);
}

// Files of the first versions say 'normal'.
internal sealed class HydraStartConverter() : NamedStartConverter<HydraStart>(
    (HydraStart.Kaiming, "kaiming"), (HydraStart.Xavier, "xavier"), (HydraStart.Normal, "normal002"), (HydraStart.Normal, "normal"));
