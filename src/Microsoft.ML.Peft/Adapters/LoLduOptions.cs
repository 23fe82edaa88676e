using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What the diagonal of <see cref="LoLdu"/> starts with; μ and σ are mean and deviation of the pivots.</summary>
public enum LoLduStart
{
    /// <summary>The pivots.</summary>
    Lu,

    /// <summary>Uniform on ±|μ|/2.</summary>
    Uniform,

    /// <summary>Uniform on ±1.</summary>
    SUniform,

    /// <summary>Normal with μ and σ.</summary>
    Normal,

    /// <summary>Normal with mean 0 and deviation 1.</summary>
    SNormal,

    /// <summary>μ.</summary>
    Constant,

    /// <summary>1.</summary>
    Ones,

    /// <summary>0.</summary>
    Zeros,
}

/// <summary>Settings of <see cref="LoLdu"/>.</summary>
[AdapterMethod(
    "LOLDU", AdapterFamily.Additive, Title = "LoLDU", Paper = "arXiv:2410.13618", Formula = "W + (α/r)·P·L·diag(z − z₀)·U", Trained = "r", Merges = true)]
public sealed record LoLduOptions : LinearAdapterOptions
{
    /// <summary>Count r of trained pivots: 1 to the smaller side of the layer. Default 4.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 16, 64, 128)]
    public int Rank { get; init; } = 4;

    /// <summary>Numerator α of the scale, above 0; α = r, the scale 1, is recommended. Default 1, as in the authors' code.</summary>
    [JsonPropertyName("loldu_alpha")]
    public double Alpha { get; init; } = 1;

    /// <summary>What the diagonal starts with. Default: the pivots.</summary>
    [JsonPropertyName("init")]
    [JsonConverter(typeof(NameConverter<LoLduStart>))]
    public LoLduStart Start { get; init; }

    /// <summary>True to take the pivots out of the base whatever the start, which then changes the model. Default false.</summary>
    [JsonPropertyName("residual_from_pivots")]
    public bool ResidualFromPivots { get; init; }

    /// <summary>Pivots below this share of the largest one are left out: 0 to 1. Default 1e-8.</summary>
    [JsonPropertyName("pivot_eps")]
    public double PivotEps { get; init; } = 1e-8;

    /// <summary>Write the factors, r·(in + out) numbers a layer, for a base that will be loaded in another precision; else the file has a hash of the weight
    /// that they are made from. Default false.</summary>
    [JsonPropertyName("save_factors")]
    public bool SavesFactors { get; init; }

    [JsonIgnore]
    internal bool StartIsDrawn => Start is LoLduStart.Uniform or LoLduStart.SUniform or LoLduStart.Normal or LoLduStart.SNormal;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(PivotEps, 0.0, 1.0);
    }

    /// <inheritdoc/>
    protected internal override TargetModules DefaultSelection(Backbone backbone) => TargetModules.AllLinear; // as in the paper

    /// <inheritdoc/>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts)
        => parts.Select(part => part switch { LoLdu linear => linear.Diagonal.Note, LoLduConvolution convolution => convolution.Diagonal.Note, _ => null }).OfType<string>();

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or Conv1dLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new LoLduConvolution(layer, this, build);

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new LoLdu(layer, this, build);
}
