using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoKr: a Kronecker product of two small matrices is added to the weight; each may be of low rank itself.</summary>
/// <remarks>
/// <para><c>ΔW = (α/r)·(W₁ ⊗ W₂)</c> with out = l·k and in = m·n.</para>
/// <para>Shapes: W₁ (l, m), or (l, r)·(r, m) if <see cref="LoKrOptions.DecomposeBoth"/> and r is below max(l, m)/2; W₂ (k, n), or (k, r)·(r, n)
/// if r is below max(k, n)/2. Trains l·m + r·(k + n) numbers where W₂ is of low rank.</para>
/// <para>A file may have other sizes whose products are the layer's, as LyCORIS writes them; then those are taken.</para>
/// <para>Starts as the identity: W₁ is 0, the rest Kaiming-uniform (a = √5).</para>
/// <para>Source: Yeh et al. 2024 (LyCORIS), arXiv:2309.14859, §3.3.</para>
/// </remarks>
public sealed class LoKr : LycorisAdapter
{
    private readonly LoKrOptions _options;
    private readonly KroneckerFactors _factors;

    /// <summary>Puts LoKr on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside the range that its property names.</exception>
    public LoKr(LinearLayer target, LoKrOptions options, AdapterBuild build)
        : base(target, options)
    {
        _options = options;
        _factors = new(this, KroneckerFactors.Start(
            Factors(OutFeatures, options.DecomposeFactor), Factors(InFeatures, options.DecomposeFactor), Rank, options, build.Initialization));
    }

    /// <summary>LoKr of whole factors that are there already; it takes them over.</summary>
    internal LoKr(LinearLayer target, LoKrOptions options, Tensor first, Tensor second)
        : base(target, options)
    {
        _options = options;
        _factors = new(this, KroneckerFactors.Whole(first, second));
    }

    /// <summary>W₁ (l, m) and W₂ (k, n), multiplied out where they are of low rank, and what their product is multiplied by.</summary>
    internal (Tensor First, Tensor Second, double Scale) Whole => (_factors.First, _factors.Second, Scale);

    /// <summary>Two factors of a size: (f, size/f) if f divides it, else the pair nearest to its root whose smaller one is at most f.</summary>
    /// <param name="size">The size.</param>
    /// <param name="factor">f, or −1 for no bound.</param>
    public static (long First, long Second) Factors(long size, long factor)
    {
        if (factor > 0 && size % factor == 0)
        {
            return (factor, size / factor);
        }

        var smaller = factor > 0 ? Math.Min(factor, size) : size;
        while (smaller * smaller > size || size % smaller != 0)
        {
            smaller--;
        }

        return (smaller, size / smaller);
    }

    /// <inheritdoc/>
    protected override bool RescalesRows => _options.RankDropoutScale;

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => _factors.Expect(shapes, OutFeatures, InFeatures);

    /// <inheritdoc/>
    protected internal override Tensor Delta() => kron(_factors.First, _factors.Second).mul(Scale);

    /// <inheritdoc/>
    protected override Tensor Product(Tensor x) => _factors.Apply(x).mul(Scale);
}

/// <summary>How LoKr's factors start.</summary>
[JsonConverter(typeof(LoKrStartConverter))]
public enum LoKrStart
{
    /// <summary>The first factor is 0: the identity.</summary>
    Default,

    /// <summary>The second factor is 0, as the LyCORIS library has it: the identity.</summary>
    Lycoris,

    /// <summary>Every factor Kaiming-uniform: not the identity; for tests.</summary>
    Random,
}

/// <summary>Settings of <see cref="LoKr"/>.</summary>
[AdapterMethod(
    "LOKR", AdapterFamily.Additive, Title = "LoKr", Paper = "arXiv:2309.14859", Formula = "W + (α/r)·W₁ ⊗ W₂", Trained = "l·m + r·(k + n), out = l·k, in = m·n",
    InHuggingFace = true, Merges = true)]
public sealed record LoKrOptions : LycorisOptions
{
    /// <summary>Make the first factor of low rank too where that is smaller. Default false.</summary>
    [JsonPropertyName("decompose_both")]
    public bool DecomposeBoth { get; init; }

    /// <summary>Size of the first factor: 1 or more, or −1 for the pair of factors nearest to the root. Default −1.</summary>
    [JsonPropertyName("decompose_factor")]
    public int DecomposeFactor { get; init; } = -1;

    /// <summary>Divide by the share of rows that <see cref="LycorisOptions.RankDropout"/> keeps. Default false.</summary>
    [JsonPropertyName("rank_dropout_scale")]
    public bool RankDropoutScale { get; init; }

    /// <summary>How the factors start. Default: as the identity.</summary>
    [JsonPropertyName("init_weights")]
    public LoKrStart Start { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (DecomposeFactor != -1)
        {
            Guard.AtLeast(DecomposeFactor, 1);
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new LoKr(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new LoKrConvolution(layer, this, build);
}

internal sealed class LoKrStartConverter() : NamedStartConverter<LoKrStart>(
    (LoKrStart.Default, true), (LoKrStart.Lycoris, "lycoris"), (LoKrStart.Random, false));
