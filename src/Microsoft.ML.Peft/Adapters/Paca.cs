using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>PaCA: some input columns of the weight are trained, and only the inputs of these columns are kept for the backward pass.</summary>
/// <remarks>
/// <para><c>y = x·Wᵀ + b + x[…, I]·(s·P − W[:, I])ᵀ</c> with <c>s = α/r</c>: the weight with the columns I replaced by s·P.</para>
/// <para>Shapes: I (r) different columns; P (out, r). Trains r·out numbers. Starts as the identity: P = W[:, I]/s.</para>
/// <para>The base is shared and stays as it is, so the trained columns are computed as a thin product beside it. The frozen product keeps no input for the
/// backward pass and the thin one keeps x[…, I]: r numbers a token. <see cref="AdapterSet.Merge"/> writes the columns through.</para>
/// <para>Source: Woo et al. 2025, arXiv:2503.01905.</para>
/// </remarks>
public sealed class Paca : LinearAdapter
{
    private readonly Parameter _columns; // P (out, r)
    private readonly Parameter _indices; // I (r)
    private readonly double _scale;

    /// <summary>Chooses the columns of a layer.</summary>
    /// <exception cref="PeftException">The rank is above the layer's inputs.</exception>
    public Paca(LinearLayer target, PacaOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = LayerPattern.Find(options.RankPattern, Path, options.Rank);
        if (rank > InFeatures)
        {
            throw new PeftException($"The rank on '{Path}' is {rank}; it must be from 1 to {InFeatures}, the inputs of that layer.");
        }

        _scale = LayerPattern.Find(options.AlphaPattern, Path, options.Alpha) / rank;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = target.Weight.Dense().to(ScalarType.Float32);
        var order = options.Selection == PacaSelection.Random
            ? build.Initialization.Uniform(1, InFeatures).argsort()
            : weight.square().sum([0L]).argsort(descending: options.Selection == PacaSelection.LargestNorm);
        _indices = Frozen(order.narrow(0, 0, rank).contiguous());
        _columns = Trainable(weight.index_select(1, _indices).div(_scale));
        register_parameter("paca_P", _columns);
        register_parameter("paca_indices", _indices);
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight.index_copy(1, _indices, InTypeOf(weight, _columns * _scale));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var moved = InTypeOf(x, (_columns * _scale) - below.Weight().index_select(1, _indices).to(ScalarType.Float32));
        var (y, kept) = (below.Forward(x), x.index_select(-1, _indices));
        if (x.dim() != 2)
        {
            return y + linear(kept, moved);
        }

        // The frozen product is nobody's saved tensor, so the thin one is added in place; what other adapters give may be.
        return below.IsBase ? y.addmm_(kept, moved.t()) : y.addmm(kept, moved.t());
    }
}

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
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale, above 0; it scales the learning rate. Default 8.</summary>
    [JsonPropertyName("paca_alpha")]
    public double Alpha { get; init; } = 8;

    /// <summary>Which columns. Default: at random.</summary>
    [JsonPropertyName("selection")]
    [JsonConverter(typeof(JsonStringEnumConverter<PacaSelection>))]
    public PacaSelection Selection { get; init; }

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
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Paca(layer, this, build);
}
