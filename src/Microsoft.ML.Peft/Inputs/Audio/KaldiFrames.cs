using System.Numerics;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Kaldi's frames: 25 ms long, one every 10 ms, without mean, pre-emphasised, in a Hann window, filled to a power of two.</summary>
internal sealed class KaldiFrames
{
    private const float Preemphasis = 0.97f;

    private readonly int _length;
    private readonly int _step;
    private readonly float[] _window;

    public KaldiFrames(int sampleRate)
    {
        (_length, _step) = (sampleRate * 25 / 1000, sampleRate * 10 / 1000);
        TransformSize = (int)BitOperations.RoundUpToPowerOf2((uint)_length);
        _window = [.. Enumerable.Range(0, _length).Select(i => (float)(0.5 - (0.5 * Math.Cos(2 * Math.PI * i / (_length - 1)))))];
    }

    /// <summary>Numbers of a frame with its filling.</summary>
    public int TransformSize { get; }

    /// <summary>The frames that lie wholly within the samples, one after the other, at most <paramref name="most"/>.</summary>
    public float[] Of(ReadOnlySpan<float> samples, int most)
    {
        if (samples.Length < _length)
            throw new ArgumentException($"The clip has {samples.Length} samples; at least {_length} are needed, 25 ms.", nameof(samples));
        var count = Math.Min(most, 1 + ((samples.Length - _length) / _step));
        var frames = new float[checked(count * TransformSize)];
        for (var k = 0; k < count; k++)
        {
            var from = samples.Slice(k * _step, _length);
            double sum = 0;
            foreach (var sample in from)
                sum += sample;
            var mean = (float)(sum / _length);
            var frame = frames.AsSpan(k * TransformSize, _length);
            var previous = from[0] - mean; // the first sample has itself before it
            for (var i = 0; i < _length; i++)
            {
                var sample = from[i] - mean;
                frame[i] = (sample - (Preemphasis * previous)) * _window[i];
                previous = sample;
            }
        }
        return frames;
    }
}
