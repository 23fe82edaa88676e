namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>The Audio Spectrogram Transformer's front end: Kaldi's log-mel energies, cut or filled to one length and normalised.</summary>
public sealed class AstProcessor : AudioProcessor
{
    private readonly MelFilters _filters;
    private readonly KaldiFrames _frames;

    /// <summary>Makes a processor.</summary>
    /// <param name="bands">Mel bands, 1 to 512.</param>
    /// <param name="maxLength">Frames of 10 ms that come out, 1 to 100,000.</param>
    /// <param name="sampleRate">Samples a second, in Hz.</param>
    /// <param name="normalise">Whether to map x to (x − mean) / (2·deviation).</param>
    /// <param name="mean">Mean of the training data.</param>
    /// <param name="deviation">Deviation of the training data, above 0.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public AstProcessor(int bands = 128, int maxLength = 1024, int sampleRate = 16000, bool normalise = true, double mean = -4.2677393, double deviation = 4.5689974)
        : base(sampleRate)
    {
        Guard.InRange(bands, 1, 512);
        Guard.InRange(maxLength, 1, 100_000);
        Guard.InRange(mean, -1e6, 1e6);
        Guard.Positive(deviation);
        (Bands, MaxLength, Normalise, Mean, Deviation) = (bands, maxLength, normalise, mean, deviation);
        _frames = new KaldiFrames(sampleRate);
        _filters = MelFilters.Kaldi(bands, _frames.TransformSize, sampleRate);
    }

    /// <summary>Mel bands: columns of what comes out.</summary>
    public int Bands { get; }

    /// <summary>Frames: rows of what comes out.</summary>
    public int MaxLength { get; }

    /// <summary>Whether the energies are normalised.</summary>
    public bool Normalise { get; }

    /// <summary>Mean of the training data.</summary>
    public double Mean { get; }

    /// <summary>Deviation of the training data.</summary>
    public double Deviation { get; }

    /// <summary>ln of the mel energies (frames·bands), before filling and normalising, as torchaudio's <c>kaldi.fbank</c> gives them with a Hann window.</summary>
    /// <param name="samples">Samples at <see cref="AudioProcessor.SampleRate"/>, at least 25 ms.</param>
    /// <param name="maxFrames">Most frames to make.</param>
    /// <exception cref="ArgumentException">There are too few samples.</exception>
    public float[] Energies(ReadOnlySpan<float> samples, int maxFrames = int.MaxValue)
    {
        Guard.AtLeast(maxFrames, 1);
        var frames = _frames.Of(samples, maxFrames);
        var spectra = PowerSpectrum.Of(frames, _frames.TransformSize);
        var bins = (_frames.TransformSize / 2) + 1;
        var count = spectra.Length / bins;
        var energies = new float[count * Bands];
        var bands = new double[Bands];
        for (var k = 0; k < count; k++)
        {
            _filters.Apply(spectra.AsSpan(k * bins, bins), bands);
            for (var band = 0; band < Bands; band++)
                energies[(k * Bands) + band] = (float)Math.Log(Math.Max(bands[band], MathF.BitIncrement(1) - 1));
        }
        return energies;
    }

    private protected override AudioFeatures Extract(ReadOnlySpan<float> samples)
    {
        var values = Energies(samples, MaxLength);
        Array.Resize(ref values, MaxLength * Bands); // filled with 0 before it is normalised
        if (Normalise)
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)((values[i] - Mean) / (Deviation * 2));
        }
        return new AudioFeatures(values, MaxLength, Bands);
    }
}
