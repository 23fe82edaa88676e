using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>FourierFT: a trained sparse spectrum whose inverse Fourier transform is added to a frozen weight.</summary>
/// <remarks>
/// <para><c>W' = W + s·Re(ifft2(F))</c>, where F (out, in) is zero but for n trained numbers at positions that a seed chooses.</para>
/// <para>The output is computed without F: the input is transformed, n of its frequencies are weighted and moved, and the result is
/// transformed back.</para>
/// <para>Shapes: spectrum (n). Trains n numbers. Starts with normal numbers, which is not the identity, or with zeros.</para>
/// <para>Source: Gao et al. 2024, arXiv:2405.03003, §3.</para>
/// </remarks>
public sealed class FourierFt : AdditiveAdapter
{
    [ComponentName(Name = "fourierft_spectrum")] private readonly Parameter _spectrum; // (n)
    [ComponentName(Name = "positions")] private readonly Parameter _positions; // (n), Int64

    private readonly double _scale;

    /// <summary>Puts FourierFT on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More frequencies than the weight has numbers.</exception>
    public FourierFt(LinearLayer target, FourierFtOptions options, AdapterBuild build)
        : base(target)
    {
        var frequencies = LayerPattern.Find(options.FrequencyPattern, Path, options.Frequencies);
        Guard.InRange(frequencies, 1, OutFeatures * InFeatures);
        _scale = options.Scaling;
        _spectrum = Trainable(options.IdentityStart ? build.Initialization.Zeros(frequencies) : build.Initialization.Normal(1, frequencies));
        _positions = Frozen(build.Initialization.Place(SeededPositions.Draw(options.Seed, frequencies, OutFeatures * InFeatures)));
        RegisterComponents();
    }

    private SparseMatrix Spectrum => new(OutFeatures, InFeatures);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "positions";

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "positions";

    /// <inheritdoc/>
    protected internal override Tensor Delta() => fft.ifft2(Spectrum.Dense(_spectrum, _positions)).real.mul(_scale);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var rows = x.reshape(-1, InFeatures).to(ScalarType.Float32); // no Fourier transform of half precision
        if (rows.size(0) == 0 || Spectrum.IsCheaperDense(rows.size(0), _spectrum.numel()))
        {
            return base.Correction(x, context);
        }

        var moved = Spectrum.Multiply(fft.ifft(rows), _spectrum, _positions); // (tokens, out) of frequencies
        return fft.ifft(moved).real.mul(_scale).to(x.dtype).reshape([.. x.shape[..^1], OutFeatures]);
    }
}

/// <summary>Settings of <see cref="FourierFt"/>.</summary>
[AdapterMethod(
    "FOURIERFT", AdapterFamily.Additive, Title = "FourierFT", Paper = "arXiv:2405.03003", Formula = "W + s·Re(ifft2(F)), F sparse", Trained = "n",
    InHuggingFace = true, Merges = true)]
public sealed record FourierFtOptions : BiasedLinearOptions
{
    /// <summary>Count n of trained frequencies of a layer: 1 to out·in. Default 1000.</summary>
    [JsonPropertyName("n_frequency")]
    public long Frequencies { get; init; } = 1000;

    /// <summary>Scale s, finite and above 0. Default 150.</summary>
    [JsonPropertyName("scaling"), SearchRange(50, 300, Logarithmic = true)]
    public double Scaling { get; init; } = 150;

    /// <summary>Seed of the positions, which files do not hold. Default 777.</summary>
    [JsonPropertyName("random_loc_seed")]
    public long Seed { get; init; } = 777;

    /// <summary>Counts of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("n_frequency_pattern")]
    public IReadOnlyDictionary<string, long>? FrequencyPattern { get; init; }

    /// <summary>Start with zeros, as the identity, instead of normal numbers. Default false, as in HF PEFT.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Frequencies, 1);
        Guard.Positive(Scaling);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new FourierFt(layer, this, build);
}
