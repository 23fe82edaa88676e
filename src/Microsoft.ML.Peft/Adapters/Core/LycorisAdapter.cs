using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What LoHa and LoKr have in common: <c>s·ΔW</c> with <c>s = α/r</c>, dropout of whole output rows and of the whole update.</summary>
public abstract class LycorisAdapter : DroppedUpdateAdapter
{
    private protected LycorisAdapter(LinearLayer target, LycorisOptions options)
        : base(target, options.RankDropout, options.ModuleDropout)
    {
        (Rank, Scale) = options.RankAndScaleOf(Path);
    }

    /// <summary>Rank of the layer.</summary>
    protected int Rank { get; }

    /// <summary>Factor of the update.</summary>
    protected double Scale { get; }
}

/// <summary>Settings that LoHa and LoKr have in common.</summary>
public abstract record LycorisOptions : LinearAdapterOptions
{
    /// <summary>Rank r of the factors: 1 or more. Default 8.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale α/r, above 0. Default 8.</summary>
    [JsonPropertyName("alpha")]
    public double Alpha { get; init; } = 8;

    /// <summary>Share of the update's output rows that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("rank_dropout")]
    public double RankDropout { get; init; }

    /// <summary>Probability with which a layer goes without the update in a training pass: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("module_dropout")]
    public double ModuleDropout { get; init; }

    /// <summary>Ranks of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>Alphas of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("alpha_pattern")]
    public IReadOnlyDictionary<string, double>? AlphaPattern { get; init; }

    /// <summary>On convolutions: a factor of its own for the kernel, where it has more than one place. Default false.</summary>
    [JsonPropertyName("use_effective_conv2d")]
    public bool FactorsKernel { get; init; }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or Conv1dLayer or PatchLayer;

    internal (int Rank, double Scale) RankAndScaleOf(string path)
    {
        var rank = LayerPattern.Find(RankPattern, path, Rank);
        Guard.AtLeast(rank, 1);
        return (rank, LayerPattern.Find(AlphaPattern, path, Alpha) / rank);
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(RankDropout, 0.0, 0.99);
        Guard.InRange(ModuleDropout, 0.0, 0.99);
    }
}
