namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Whisper's front end: log-mel spectrograms of clips that are cut or filled with silence to one length.</summary>
/// <remarks>log10 of the mel energies, at most 8 below the clip's largest, mapped to (x + 4) / 4.</remarks>
public sealed class WhisperProcessor : AudioProcessor
{
    private const double Floor = 1e-10;
    private const double Range = 8;

    private readonly MelFilters _filters;
    private readonly float[] _window;
    private readonly int _hop;
    private readonly int _size;

    /// <summary>Makes a processor.</summary>
    /// <param name="bands">Mel bands, 1 to 512.</param>
    /// <param name="seconds">Length of a clip, 1 to 600 s.</param>
    /// <param name="sampleRate">Samples a second, in Hz.</param>
    /// <param name="hop">Samples from frame to frame, 1 to <paramref name="transformSize"/>.</param>
    /// <param name="transformSize">Samples of a frame, an even number from 16 to 16,384 that is no more than a clip has.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public WhisperProcessor(int bands = 80, int seconds = 30, int sampleRate = 16000, int hop = 160, int transformSize = 400)
        : base(sampleRate)
    {
        Guard.InRange(bands, 1, 512);
        Guard.InRange(seconds, 1, 600);
        Guard.InRange(transformSize, 16, Math.Min(16384, seconds * sampleRate)); // a mirror image is no longer than the clip
        Guard.InRange(hop, 1, transformSize);
        if (transformSize % 2 != 0)
            throw new ArgumentException($"transformSize is {transformSize}; it must be even.", nameof(transformSize));
        (Bands, Seconds, _hop, _size) = (bands, seconds, hop, transformSize);
        // A spectrum a hop: what a hop of 1 would take is beyond all use.
        Guard.InRange((long)seconds * sampleRate / hop * transformSize, transformSize, 1 << 28, nameof(hop));
        _filters = MelFilters.Slaney(bands, transformSize, sampleRate, 8000);
        _window = [.. Enumerable.Range(0, transformSize).Select(i => (float)(0.5 - (0.5 * Math.Cos(2 * Math.PI * i / transformSize))))];
    }

    /// <summary>Mel bands: rows of what comes out.</summary>
    public int Bands { get; }

    /// <summary>Length of a clip in seconds.</summary>
    public int Seconds { get; }

    private protected override AudioFeatures Extract(ReadOnlySpan<float> samples)
    {
        var clip = new float[Seconds * SampleRate];
        samples[..Math.Min(samples.Length, clip.Length)].CopyTo(clip);
        var count = clip.Length / _hop;
        // Frames are centred; what lies outside the clip is its mirror image.
        var frames = new float[count * _size];
        for (var k = 0; k < count; k++)
        {
            var start = (k * _hop) - (_size / 2);
            var frame = frames.AsSpan(k * _size, _size);
            for (var i = 0; i < _size; i++)
                frame[i] = clip[Mirrored(start + i, clip.Length)] * _window[i];
        }
        return new AudioFeatures(Logarithms(PowerSpectrum.Of(frames, _size), count), Bands, count);
    }

    private static int Mirrored(int index, int length) => index < 0 ? -index : index >= length ? (2 * (length - 1)) - index : index;

    private float[] Logarithms(float[] spectra, int count)
    {
        var values = new float[Bands * count];
        var bands = new double[Bands];
        var largest = double.NegativeInfinity;
        for (var k = 0; k < count; k++)
        {
            _filters.Apply(spectra.AsSpan(k * ((_size / 2) + 1), (_size / 2) + 1), bands);
            for (var band = 0; band < Bands; band++)
            {
                var value = Math.Log10(Math.Max(bands[band], Floor));
                largest = Math.Max(largest, value);
                values[(band * count) + k] = (float)value;
            }
        }
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)((Math.Max(values[i], largest - Range) + 4) / 4);
        return values;
    }
}
