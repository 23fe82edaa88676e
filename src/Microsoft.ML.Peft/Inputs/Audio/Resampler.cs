using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Changes the rate of samples by a sinc within a Hann window, with the settings that torchaudio's <c>resample</c> has by default.</summary>
internal static class Resampler
{
    /// <summary>Zero crossings of the sinc to each side.</summary>
    private const int FilterWidth = 6;

    /// <summary>Where the filter cuts, as a part of the lower Nyquist frequency.</summary>
    private const double Rolloff = 0.99;

    public static float[] Resample(ReadOnlySpan<float> samples, int from, int to)
    {
        var divisor = (int)BigInteger.GreatestCommonDivisor(from, to);
        (from, to) = (from / divisor, to / divisor);
        var length = (((long)to * samples.Length) + from - 1) / from;
        if (length > AudioClip.MaxSamples)
            throw new ArgumentException($"The resampled clip would have {length} samples; at most {AudioClip.MaxSamples} are allowed.", nameof(samples));

        var result = new float[length];
        var taps = Math.Min(from + (2 * Width(from, to)), (2 * (int)Math.Ceiling(FilterWidth * (double)from / Cut(from, to))) + 2);
        var weights = new float[taps];
        // New samples that lie alike between old ones have the same weights.
        for (var phase = 0; phase < Math.Min(to, length); phase++)
        {
            var first = Weights(from, to, phase, weights);
            for (long k = phase, start = first; k < length; k += to, start += from)
                result[k] = Dot(weights, samples, start);
        }
        return result;
    }

    /// <summary>Frequency at which the filter cuts, in units of both rates' common divisor.</summary>
    private static double Cut(int from, int to) => Math.Min(from, to) * Rolloff;

    private static int Width(int from, int to) => (int)Math.Ceiling(FilterWidth * (double)from / Cut(from, to));

    /// <summary>Weights of the old samples around a new one, and the place of the first of them.</summary>
    private static int Weights(int from, int to, int phase, Span<float> weights)
    {
        var (cut, width) = (Cut(from, to), Width(from, to));
        var place = (double)phase / to;
        var first = Math.Max(-width, (int)Math.Ceiling((place - (FilterWidth / cut)) * from));
        weights.Clear();
        for (var k = 0; k < weights.Length && first + k < width + from; k++)
        {
            var t = (-place + ((double)(first + k) / from)) * cut;
            if (Math.Abs(t) >= FilterWidth)
            {
                continue; // the window is 0 there
            }
            var window = Math.Cos(t * Math.PI / FilterWidth / 2);
            var sinc = t == 0 ? 1 : Math.Sin(t * Math.PI) / (t * Math.PI);
            weights[k] = (float)(sinc * window * window * cut / from);
        }
        return first;
    }

    private static float Dot(ReadOnlySpan<float> weights, ReadOnlySpan<float> samples, long start)
    {
        // Before the first sample and after the last there is silence.
        if (start < 0)
        {
            weights = weights[(int)Math.Min(weights.Length, -start)..];
            start = 0;
        }
        if (start >= samples.Length)
            return 0;
        var part = samples.Slice((int)start, (int)Math.Min(weights.Length, samples.Length - start));
        weights = weights[..part.Length];
        var sums = Vector<float>.Zero;
        var left = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var right = MemoryMarshal.Cast<float, Vector<float>>(part);
        for (var i = 0; i < left.Length; i++)
            sums += left[i] * right[i];
        var sum = Vector.Sum(sums);
        for (var i = left.Length * Vector<float>.Count; i < part.Length; i++)
            sum += weights[i] * part[i];
        return sum;
    }
}
