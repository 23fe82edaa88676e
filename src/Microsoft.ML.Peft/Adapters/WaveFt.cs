using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>WaveFT: trained sparse wavelet coefficients whose inverse transform is added to a frozen weight.</summary>
/// <remarks>
/// <para><c>W' = W + s·iwt(F)</c>, where F is zero but for n trained numbers at positions that a seed chooses; without the transform
/// <c>W' = W + s·F</c>.</para>
/// <para>The transform acts on rows and columns one after the other, so the output is computed without it: the input is analysed, n of its
/// coefficients are weighted and moved, and the result is synthesised.</para>
/// <para>Shapes: spectrum (n). Trains n numbers. Starts as the identity.</para>
/// <para>Source: Bilican et al. 2025, arXiv:2505.12532.</para>
/// </remarks>
public sealed class WaveFt : AdditiveAdapter
{
    [ComponentName(Name = "waveft_spectrum")] private readonly Parameter _spectrum; // (n)
    [ComponentName(Name = "positions")] private readonly Parameter _positions; // (n), Int64, in the coefficients

    private readonly double _scale;
    private readonly Wavelet? _rows;
    private readonly Wavelet? _columns;

    /// <summary>Puts WaveFT on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More coefficients than the weight has numbers.</exception>
    public WaveFt(LinearLayer target, WaveFtOptions options, AdapterBuild build)
        : base(target)
    {
        var count = options.CoefficientsOf(target, build.Targets);
        Guard.InRange(count, 1, OutFeatures * InFeatures);
        _scale = options.Scaling;
        if (options.Transforms)
        {
            (_rows, _columns) = (new(options.WaveletFamily, OutFeatures), new(options.WaveletFamily, InFeatures));
        }

        _spectrum = Trainable(options.IdentityStart ? build.Initialization.Zeros(count) : build.Initialization.Normal(0.01, count));
        _positions = Frozen(build.Initialization.Place(Places(SeededPositions.Draw(options.Seed, count, OutFeatures * InFeatures))));
        RegisterComponents();
    }

    private SparseMatrix Spectrum => new(_rows?.Padded ?? OutFeatures, _columns?.Padded ?? InFeatures);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "positions";

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "positions";

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var spectrum = Spectrum.Dense(_spectrum, _positions).mul(_scale);
        return _rows is null ? spectrum : _rows.Synthesize(_columns!.Synthesize(spectrum).t()).t();
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var rows = x.reshape(-1, InFeatures).to(ScalarType.Float32);
        if (rows.size(0) == 0)
        {
            return base.Correction(x, context);
        }

        var moved = Spectrum.Multiply(_columns?.Analyze(rows) ?? rows, _spectrum, _positions);
        return (_rows?.Synthesize(moved) ?? moved).mul(_scale).to(x.dtype).reshape([.. x.shape[..^1], OutFeatures]);
    }

    // HF PEFT puts the (out, in) numbers in the middle of the padded coefficients, and reads the upper right quarter as the one that is
    // high over the rows, the lower left as the one that is high over the columns; ours is the other way round.
    private Tensor Places(Tensor positions)
    {
        if (_rows is null)
        {
            return positions;
        }

        var (row, column) = new SparseMatrix(OutFeatures, InFeatures).Split(positions);
        (row, column) = (row + _rows.Offset, column + _columns!.Offset);
        var (down, right) = (_rows.Padded / 2, _columns.Padded / 2);
        var (low, left) = (row >= down, column >= right);
        row = row.remainder(down) + (left.to(ScalarType.Int64) * down);
        column = column.remainder(right) + (low.to(ScalarType.Int64) * right);
        return (row * _columns.Padded) + column;
    }
}

/// <summary>Settings of <see cref="WaveFt"/>.</summary>
[AdapterMethod(
    "WAVEFT", AdapterFamily.Additive, Title = "WaveFT", Paper = "arXiv:2505.12532", Formula = "W + s·iwt(F), F sparse", Trained = "n",
    InHuggingFace = true, Merges = true)]
public sealed record WaveFtOptions : BiasedLinearOptions
{
    /// <summary>Count n of trained coefficients of a layer: 1 to out·in. Default 2592.</summary>
    [JsonPropertyName("n_frequency")]
    public long Coefficients { get; init; } = 2592;

    /// <summary>Scale s, finite and above 0. Default 25.</summary>
    [JsonPropertyName("scaling"), SearchRange(5, 50, Logarithmic = true)]
    public double Scaling { get; init; } = 25;

    /// <summary>The wavelet: <c>db1</c> (Haar) to <c>db10</c>. Default <c>db1</c>.</summary>
    [JsonPropertyName("wavelet_family")]
    public string WaveletFamily { get; init; } = "db1";

    /// <summary>False to add the sparse numbers themselves. Default true.</summary>
    [JsonPropertyName("use_idwt")]
    public bool Transforms { get; init; } = true;

    /// <summary>Seed of the positions, which files do not hold. Default 777.</summary>
    [JsonPropertyName("random_loc_seed")]
    public long Seed { get; init; } = 777;

    /// <summary>Share <c>n·layers</c> out over the layers by the size of their weights. Default false.</summary>
    [JsonPropertyName("proportional_parameters")]
    public bool Proportional { get; init; }

    /// <summary>Counts of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("n_frequency_pattern")]
    public IReadOnlyDictionary<string, long>? CoefficientsPattern { get; init; }

    /// <summary>Start with zeros, as the identity; false for small normal numbers. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Coefficients, 1);
        Guard.Positive(Scaling);
        Wavelet.Check(WaveletFamily);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new WaveFt(layer, this, build);

    internal long CoefficientsOf(LinearLayer layer, IReadOnlyList<Layer> targets)
    {
        if (!Proportional)
        {
            return LayerPattern.Find(CoefficientsPattern, layer.Path, Coefficients);
        }

        var share = Size(layer) / targets.Cast<LinearLayer>().Sum(Size);
        return Math.Max(1, (long)Math.Round(share * (Coefficients * targets.Count), MidpointRounding.ToEven));

        static double Size(LinearLayer l) => (double)l.InFeatures * l.OutFeatures;
    }
}
