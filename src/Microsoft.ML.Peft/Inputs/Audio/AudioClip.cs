using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>A piece of sound with one channel.</summary>
/// <remarks>It never changes, so that several threads may use it.</remarks>
public sealed class AudioClip
{
    /// <summary>Most samples that a clip may have: 2^27, which is 2 hours and 20 minutes at 16,000 Hz.</summary>
    public const int MaxSamples = 1 << 27;

    /// <summary>Most samples a second: 768,000.</summary>
    public const int MaxSampleRate = 768_000;

    private const long MaxFileBytes = 1L << 30;

    private readonly float[] _samples;

    /// <summary>Takes over samples.</summary>
    internal AudioClip(float[] samples, int sampleRate) => (_samples, SampleRate) = (samples, sampleRate);

    /// <summary>The samples, full scale from -1 to 1.</summary>
    public ReadOnlySpan<float> Samples => _samples;

    /// <summary>Samples a second, in Hz.</summary>
    public int SampleRate { get; }

    /// <summary>How long it lasts.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds((double)_samples.Length / SampleRate);

    /// <summary>Reads a WAV, FLAC, OGG or MP3 file, of several channels their mean.</summary>
    /// <param name="path">A regular file of at most 1 GiB.</param>
    /// <exception cref="InputFormatException">It is damaged, empty, too long or of another format.</exception>
    /// <exception cref="ModelFormatException">There is no such regular file, or it is too large.</exception>
    /// <exception cref="NotSupportedException">libsndfile is missing.</exception>
    public static AudioClip Load(string path) => SoundFile.Decode(RegularFile.ReadAll(path, MaxFileBytes), path);

    /// <summary>Reads the bytes of a WAV, FLAC, OGG or MP3 file, of several channels their mean.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="InputFormatException">It is damaged, empty, too long or of another format.</exception>
    /// <exception cref="NotSupportedException">libsndfile is missing.</exception>
    public static AudioClip Decode(ReadOnlySpan<byte> bytes, string name = "the sound")
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return SoundFile.Decode(bytes, name);
    }

    /// <summary>Copies samples that were decoded elsewhere.</summary>
    /// <param name="samples">Samples from -1 to 1; of several channels one of each in turn.</param>
    /// <param name="sampleRate">Samples a second and channel, 1 to <see cref="MaxSampleRate"/>.</param>
    /// <param name="channels">Number of channels, of which the mean is taken, 1 to 1024.</param>
    /// <exception cref="ArgumentException">There are no samples or too many, a number is outside its range, or a sample is no number.</exception>
    public static AudioClip FromSamples(ReadOnlySpan<float> samples, int sampleRate, int channels = 1)
    {
        Guard.InRange(sampleRate, 1, MaxSampleRate);
        Guard.InRange(channels, 1, 1024);
        if (samples.Length % channels != 0)
            throw new ArgumentException($"{samples.Length} samples do not divide into {channels} channels.", nameof(samples));
        Guard.InRange(samples.Length / channels, 1, MaxSamples, nameof(samples));
        var mono = new float[samples.Length / channels];
        MixDown(samples, channels, mono);
        foreach (var sample in mono)
        {
            if (!float.IsFinite(sample))
                throw new ArgumentException($"A sample is {sample}; samples must be finite numbers, from -1 to 1.", nameof(samples));
        }
        return new AudioClip(mono, sampleRate);
    }

    /// <summary>The clip at another rate, filtered by a Hann-windowed sinc as torchaudio's <c>resample</c> does by default.</summary>
    /// <param name="sampleRate">Samples a second, 1 to <see cref="MaxSampleRate"/>.</param>
    /// <exception cref="ArgumentException">The rate is outside its range, or the result would be longer than <see cref="MaxSamples"/>.</exception>
    public AudioClip Resample(int sampleRate)
    {
        Guard.InRange(sampleRate, 1, MaxSampleRate);
        return sampleRate == SampleRate ? this : new AudioClip(Resampler.Resample(_samples, SampleRate, sampleRate), sampleRate);
    }

    /// <summary>A part of the clip.</summary>
    /// <param name="start">First sample.</param>
    /// <param name="count">Number of samples, 1 or more.</param>
    /// <exception cref="ArgumentException">The part is not within the clip.</exception>
    public AudioClip Slice(int start, int count)
    {
        Guard.InRange(start, 0, _samples.Length - 1);
        Guard.InRange(count, 1, _samples.Length - start);
        return new AudioClip(_samples.AsSpan(start, count).ToArray(), SampleRate);
    }

    /// <summary>Writes the mean of the channels.</summary>
    internal static void MixDown(ReadOnlySpan<float> samples, int channels, Span<float> mono)
    {
        if (channels == 1)
        {
            samples.CopyTo(mono);
            return;
        }
        for (var i = 0; i < mono.Length; i++)
        {
            var sum = 0f;
            foreach (var sample in samples.Slice(i * channels, channels))
                sum += sample;
            mono[i] = sum / channels;
        }
    }
}
