using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which columns <see cref="Paca"/> trains.</summary>
public enum PacaSelection
{
    /// <summary>Drawn at random.</summary>
    Random,

    /// <summary>Those with the largest norm.</summary>
    LargestNorm,

    /// <summary>Those with the smallest norm.</summary>
    SmallestNorm,
}

/// <summary>Settings of <see cref="Paca"/>.</summary>
[AdapterMethod(
    "PACA", AdapterFamily.Selective, Title = "PaCA", Paper = "arXiv:2503.01905", Formula = "W with r columns replaced by (α/r)·P", Trained = "r·out", Merges = true)]
public sealed record PacaOptions : BiasedLinearOptions
{
    /// <summary>Count r of trained columns: 1 to the inputs of the layer. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16, 32, 64)]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale, above 0; it scales the learning rate. Default 8.</summary>
    [JsonPropertyName("paca_alpha")]
    public double Alpha { get; init; } = 8;

    /// <summary>Which columns. Default: at random.</summary>
    [JsonPropertyName("selection")]
    [JsonConverter(typeof(PacaSelectionConverter))]
    public PacaSelection Selection { get; init; }

    /// <summary>Train with the columns written into the base weight after each step, which nobody else may use meanwhile: one matrix product instead of two.
    /// The base is put back to the last bit afterwards. A quantised weight stays as it is and has its columns replaced in each pass, with this or without.
    /// Not kept in files. Default false, because a base model serves several adapters and threads.</summary>
    [JsonIgnore]
    public bool WritesThrough { get; init; }

    /// <summary>Keep the columns of the base while others stand in their place, out·r numbers a layer. False with <see cref="WritesThrough"/>: the base
    /// stays changed after training, and neither a decay nor a conversion to LoRA is possible. Default true.</summary>
    [JsonPropertyName("keep_base_columns")]
    public bool KeepsBaseColumns { get; init; } = true;

    /// <summary>Decay a step of what the columns differ from the base, times the learning rate: 0 or more. Not kept in files. Default 0.</summary>
    [JsonIgnore]
    public double ChangeDecay { get; init; }

    /// <summary>Type in which P counts and is written; what the optimizer moves is Float32. Default null: that of the base, Float32 for a quantised one.</summary>
    [JsonPropertyName("param_dtype"), JsonConverter(typeof(DtypeConverter))]
    public ScalarType? ParamType { get; init; }

    /// <summary>Ranks of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>Alphas of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("alpha_pattern")]
    public IReadOnlyDictionary<string, double>? AlphaPattern { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.AtLeast(ChangeDecay, 0);
        if (WritesThrough && !KeepsBaseColumns && ChangeDecay > 0)
        {
            throw new ArgumentException($"ChangeDecay is {ChangeDecay}, which pulls towards the columns of the base, and KeepsBaseColumns is false; set it to true, or ChangeDecay to 0.");
        }

        DtypeConverter.Require(ParamType, nameof(ParamType));
        foreach (var (layer, rank) in RankPattern ?? new Dictionary<string, int>())
        {
            Guard.AtLeast(rank, 1, $"RankPattern['{layer}']");
        }

        foreach (var (layer, alpha) in AlphaPattern ?? new Dictionary<string, double>())
        {
            Guard.Positive(alpha, $"AlphaPattern['{layer}']");
        }
    }

    /// <inheritdoc/>
    protected internal override TargetModules DefaultSelection(Backbone backbone) => TargetModules.AllLinear; // as in the paper

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Paca(layer, this, build);

    /// <inheritdoc/>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter) => WritesThrough || ChangeDecay > 0 ? new PacaTraining(adapter, this) : null;
}

internal sealed class PacaSelectionConverter()
    : NamedStartConverter<PacaSelection>((PacaSelection.Random, "random"), (PacaSelection.LargestNorm, "norm_desc"), (PacaSelection.SmallestNorm, "norm_asc"));
