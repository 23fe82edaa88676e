using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The type in which <see cref="ClipSvd"/> factors weights.</summary>
public enum ClipSvdPrecision
{
    /// <summary>64 bits.</summary>
    Float64,

    /// <summary>32 bits: about twice as fast.</summary>
    Float32,
}

/// <summary>What files of <see cref="ClipSvd"/> hold.</summary>
public enum ClipSvdFormat
{
    /// <summary>The singular values and a fingerprint of each weight: r + 4 numbers a layer. Loading factors the weights again.</summary>
    [JsonStringEnumMemberName("spectrum")]
    Spectrum,

    /// <summary>The vectors too, which need no factoring and are the same whatever library factored them; more numbers than the weights have.</summary>
    [JsonStringEnumMemberName("factors")]
    Factors,

    /// <summary>The change of each weight, <c>ΔW = U·diag(s)·V − W</c>, with its fingerprint: out·in + 4 numbers a layer. Loading factors W + ΔW, which is the same whatever library
    /// does it; the trained values come back in falling order and without signs.</summary>
    [JsonStringEnumMemberName("dense")]
    Dense,
}

/// <summary>Settings of <see cref="ClipSvd"/>.</summary>
/// <remarks>Where <see cref="AdapterOptions.TargetModules"/> are given, they choose alone, and the other choices of layers have no say. A layer that makes queries, keys and values in one (GPT-2,
/// BLOOM, Phi-3) is factored as a whole, where all three are to be trained.</remarks>
[AdapterMethod(
    "CLIP_SVD", AdapterFamily.Selective, Title = "CLIP-SVD", Paper = "arXiv:2509.03740", Formula = "U·diag(s)·V, s trained", Trained = "min(in, out)", Merges = true)]
public sealed record ClipSvdOptions : LinearAdapterOptions
{
    /// <summary>Share of the singular values that are kept, the largest: above 0 to 1. Default 1.</summary>
    [JsonPropertyName("rank_ratio")]
    public double RankRatio { get; init; } = 1;

    /// <summary>The count of values is rounded down to a multiple of this, 1 or more, but not below 1; also where all are kept. Default 4, as the authors have
    /// it; 1 keeps a model with odd sizes as it is.</summary>
    [JsonPropertyName("rank_base")]
    public int RankBase { get; init; } = 4;

    /// <summary>Adapt the encoder of pictures: layers whose path has <c>visual</c> or <c>vision</c> in it. Default true.</summary>
    [JsonPropertyName("train_image_encoder")]
    public bool TrainsImages { get; init; } = true;

    /// <summary>Adapt the encoder of texts: all other layers. Default true.</summary>
    [JsonPropertyName("train_text_encoder")]
    public bool TrainsTexts { get; init; } = true;

    /// <summary>Adapt queries. Default true.</summary>
    [JsonPropertyName("train_q")]
    public bool TrainsQueries { get; init; } = true;

    /// <summary>Adapt keys. Default true.</summary>
    [JsonPropertyName("train_k")]
    public bool TrainsKeys { get; init; } = true;

    /// <summary>Adapt values. Default true.</summary>
    [JsonPropertyName("train_v")]
    public bool TrainsValues { get; init; } = true;

    /// <summary>Adapt outputs of the attention. Default true.</summary>
    [JsonPropertyName("train_o_proj")]
    public bool TrainsOutputs { get; init; } = true;

    /// <summary>Adapt the layers of the feed-forward parts. In BERT this takes the attention's outputs along, whose names end alike, as in the authors' code.
    /// Default true.</summary>
    [JsonPropertyName("train_mlp")]
    public bool TrainsFeedForward { get; init; } = true;

    /// <summary>Blocks to adapt: <c>all</c>, or some of <c>bottom</c> (0 to 3), <c>middle</c> (4 to 7) and <c>top</c> (8 to 11), joined by <c>_</c>. Default <c>all</c>.</summary>
    [JsonPropertyName("include_train_layers")]
    public string Blocks { get; init; } = "all";

    /// <summary>True to multiply by both factors one after the other, false to multiply by their product. Default null: what costs less for the input.</summary>
    [JsonPropertyName("factored")]
    public bool? Factored { get; init; }

    /// <summary>Train s − s₀ in place of s, so that weight decay draws s to where it began and not to 0. Default false.</summary>
    [JsonPropertyName("decay_toward_init")]
    public bool DecaysTowardStart { get; init; }

    /// <summary>The type in which weights are factored. Default 64 bits.</summary>
    [JsonPropertyName("precision")]
    [JsonConverter(typeof(JsonStringEnumConverter<ClipSvdPrecision>))]
    public ClipSvdPrecision Precision { get; init; }

    /// <summary>What files hold. Default <see cref="ClipSvdFormat.Spectrum"/>.</summary>
    [JsonPropertyName("save_format")]
    [JsonConverter(typeof(JsonStringEnumConverter<ClipSvdFormat>))]
    public ClipSvdFormat Format { get; init; }

    /// <summary>Folder in which factors are kept by a hash of the weight, so that the next adapter on the same base model does not compute them again; made where it is missing. Default null:
    /// the folder that the environment variable <c>PEFT_ML_SVD_CACHE</c> names, or none. Not a part of files.</summary>
    [JsonIgnore]
    public string? CacheFolder { get; init; }

    internal string? FolderOfFactors => CacheFolder ?? (Environment.GetEnvironmentVariable(ClipSvdCache.Variable) is { Length: > 0 } named ? named : null);

    /// <summary>Count of singular values that are kept of a layer: <c>max(1, base·⌊⌊min(in, out)·ratio⌋/base⌋)</c>.</summary>
    /// <param name="inputs">Inputs of the layer.</param>
    /// <param name="outputs">Outputs of the layer.</param>
    public long RankOf(long inputs, long outputs) => Math.Max(1, (long)(Math.Min(inputs, outputs) * RankRatio) / RankBase * RankBase);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(RankRatio, double.Epsilon, 1);
        Guard.AtLeast(RankBase, 1);
        _ = ClipSvdLayers.BlocksOf(Blocks);
        if (CacheFolder is { } folder && string.IsNullOrWhiteSpace(folder))
        {
            throw new ArgumentException("CacheFolder is empty; give a folder, or null for none.");
        }

        if (DecaysTowardStart && Format == ClipSvdFormat.Dense)
        {
            throw new ArgumentException("DecaysTowardStart is true and Format is Dense, whose files do not know which values the training began with; choose Spectrum or Factors.");
        }

        if (!Enum.IsDefined(Precision) || !Enum.IsDefined(Format))
        {
            throw new ArgumentOutOfRangeException(nameof(Format), $"Precision is {Precision} and Format {Format}; they must be among {string.Join(", ", Enum.GetNames<ClipSvdPrecision>())} and {string.Join(", ", Enum.GetNames<ClipSvdFormat>())}.");
        }
    }

    /// <summary>The layers of the blocks that the settings choose: whole paths where no names say the same.</summary>
    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        var all = (backbone.Layers.Newer ?? backbone.Layers).OfType<LinearLayer>().Select(layer => layer.Path).ToList();
        var blocks = new BlockFilter(LayersToTransform, LayersPattern);
        var chosen = all.Where(path => ClipSvdLayers.Includes(this, path) && blocks.Includes(path)).ToList();
        string[] names = [.. chosen.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct()];
        return chosen.Count > 0 && all.Where(TargetModules.Named(names).Matches).SequenceEqual(chosen) ? names : chosen;
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new ClipSvd(layer, this);
}
