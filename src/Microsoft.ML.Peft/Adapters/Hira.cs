using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>HiRA: the frozen weight times a trained low-rank matrix, number by number, is added to it.</summary>
/// <remarks>
/// <para><c>y = W·x + b + (W ⊙ B·A)·drop(x)</c>; the update has a high rank though it is made of few numbers.</para>
/// <para>Shapes: A (r, in), B (out, r). Trains r·(in + out) numbers. Starts as the identity: A Kaiming-uniform, B zero.</para>
/// <para>A forward pass makes one matrix of the weight's size; the product of numbers has no thin form.</para>
/// <para>Source: Huang et al. 2025, HiRA: Parameter-Efficient Hadamard High-Rank Adaptation, ICLR 2025, §3.</para>
/// </remarks>
public sealed class Hira : AdditiveAdapter
{
    [ComponentName(Name = "hira_A")] private readonly Parameter _a; // (r, in)
    [ComponentName(Name = "hira_B")] private readonly Parameter _b; // (out, r)

    private readonly double _dropout;

    /// <summary>Puts HiRA on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The layer's rank is below 1.</exception>
    public Hira(LinearLayer target, HiraOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = options.RankOf(Path);
        _dropout = options.Dropout;
        var initialization = build.Initialization;
        _a = Trainable(options.Start switch
        {
            HiraStart.Default => initialization.KaimingUniform(rank, InFeatures),
            HiraStart.Gaussian => initialization.Normal(1.0 / rank, rank, InFeatures),
            _ => initialization.Normal(1, rank, InFeatures),
        });
        _b = Trainable(options.Start == HiraStart.Random ? initialization.Normal(1, OutFeatures, rank) : initialization.Zeros(OutFeatures, rank));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _b.mm(_a).mul(OriginalWeight); // (out, in)

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => nn.functional.linear(context.Dropout(x, _dropout), InTypeOf(x, Delta()));
}

/// <summary>How HiRA's factors start.</summary>
[JsonConverter(typeof(StartConverter<HiraStart>))]
public enum HiraStart
{
    /// <summary>A Kaiming-uniform, B zero: the identity.</summary>
    Default,

    /// <summary>A and B normal: not the identity; for tests.</summary>
    Random,

    /// <summary>A normal with deviation 1/r, B zero: the identity.</summary>
    Gaussian,
}

/// <summary>Settings of <see cref="Hira"/>.</summary>
[AdapterMethod(
    "HIRA", AdapterFamily.Additive, Title = "HiRA", Paper = "Huang et al. 2025, ICLR", Formula = "W + W ⊙ (B·A)", Trained = "r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record HiraOptions : LinearAdapterOptions
{
    /// <summary>Rank r of the factor: 1 or more. Default 32.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>Share of the input that the added path drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("hira_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>Ranks of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>How the factors start. Default: as the identity.</summary>
    [JsonPropertyName("init_weights")]
    public HiraStart Start { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or EmbeddingLayer or Conv1dLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Hira(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build)
        => layer is EmbeddingLayer table ? new HiraEmbedding(table, this, build) : new HiraConvolution(layer, this, build);

    internal int RankOf(string path)
    {
        var rank = LayerPattern.Find(RankPattern, path, Rank);
        Guard.AtLeast(rank, 1);
        return rank;
    }
}
