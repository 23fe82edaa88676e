using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What LoHa and LoKr have in common: <c>s·ΔW</c> with <c>s = α/r</c>, dropout of whole output rows and of the whole update.</summary>
public abstract class LycorisAdapter : AdditiveAdapter
{
    private readonly LycorisOptions _options;

    private protected LycorisAdapter(LinearLayer target, LycorisOptions options)
        : base(target)
    {
        _options = options;
        Rank = LayerPattern.Find(options.RankPattern, Path, options.Rank);
        Guard.AtLeast(Rank, 1);
        Scale = LayerPattern.Find(options.AlphaPattern, Path, options.Alpha) / Rank;
    }

    /// <summary>Rank of the layer.</summary>
    protected int Rank { get; }

    /// <summary>Factor of the update.</summary>
    protected double Scale { get; }

    /// <summary>True to divide by the share of output rows that are kept.</summary>
    protected virtual bool RescalesRows => true;

    /// <summary>The update times x, without dropout: x (…, in) gives (…, out).</summary>
    protected abstract Tensor Product(Tensor x);

    /// <inheritdoc/>
    protected sealed override Tensor Correction(Tensor x, ForwardContext context)
    {
        var y = Product(x);
        if (!context.Training || _options.RankDropout == 0)
        {
            return y;
        }

        // A row of the update is an output: the mask goes on the outputs.
        using var rows = context.Dropout(ones(OutFeatures, x.dtype, x.device), _options.RankDropout);
        return y * (RescalesRows ? rows / rows.mean().clamp_min(1e-12) : rows * (1 - _options.RankDropout));
    }

    /// <inheritdoc/>
    protected sealed override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
        => context.Chance(_options.ModuleDropout) ? output : output + Correction(x, context);
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

    /// <inheritdoc/>
    protected override IReadOnlyList<string> UnsupportedFields => ["use_effective_conv2d"];

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
