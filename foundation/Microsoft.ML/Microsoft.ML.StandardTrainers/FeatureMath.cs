using System.Numerics;
using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

/// <summary>Products of weights in double precision and features in single.</summary>
internal static class FeatureMath
{
    public static double Dot(ReadOnlySpan<double> weights, in VBuffer<float> features)
    {
        var values = features.GetValues();
        double sum = 0;
        if (!features.IsDense)
        {
            var indices = features.GetIndices();
            for (int i = 0; i < values.Length; i++)
                sum += values[i] * weights[indices[i]];
            return sum;
        }
        int width = Vector<float>.Count, half = Vector<double>.Count, n = values.Length / width * width;
        var total = Vector<double>.Zero;
        for (int i = 0; i < n; i += width)
        {
            Vector.Widen(new Vector<float>(values[i..]), out var low, out var high);
            total += low * new Vector<double>(weights[i..]) + high * new Vector<double>(weights[(i + half)..]);
        }
        sum = Vector.Sum(total);
        for (int i = n; i < values.Length; i++)
            sum += values[i] * weights[i];
        return sum;
    }

    /// <summary>target += factor · features.</summary>
    public static void AddScaled(Span<double> target, double factor, in VBuffer<float> features)
    {
        var values = features.GetValues();
        if (!features.IsDense)
        {
            var indices = features.GetIndices();
            for (int i = 0; i < values.Length; i++)
                target[indices[i]] += factor * values[i];
            return;
        }
        int width = Vector<float>.Count, half = Vector<double>.Count, n = values.Length / width * width;
        for (int i = 0; i < n; i += width)
        {
            Vector.Widen(new Vector<float>(values[i..]), out var low, out var high);
            (new Vector<double>(target[i..]) + factor * low).CopyTo(target[i..]);
            (new Vector<double>(target[(i + half)..]) + factor * high).CopyTo(target[(i + half)..]);
        }
        for (int i = n; i < values.Length; i++)
            target[i] += factor * values[i];
    }

    public static double NormSquared(in VBuffer<float> features)
    {
        double sum = 0;
        foreach (float v in features.GetValues())
            sum += (double)v * v;
        return sum;
    }

    public static float[] ToSingle(ReadOnlySpan<double> numbers)
    {
        var singles = new float[numbers.Length];
        for (int i = 0; i < singles.Length; i++)
            singles[i] = (float)numbers[i];
        return singles;
    }

    /// <summary>The weights as they are kept in a model: sparse where at least three of four are zero.</summary>
    public static VBuffer<float> Compact(float[] weights)
    {
        int count = weights.Count(w => w != 0);
        if (weights.Length < 20 || count > weights.Length / 4)
            return new VBuffer<float>(weights.Length, weights);
        var indices = Enumerable.Range(0, weights.Length).Where(i => weights[i] != 0).ToArray();
        return new VBuffer<float>(weights.Length, count, indices.Select(i => weights[i]).ToArray(), indices);
    }

    /// <summary>The weights of all slots, ready for scoring.</summary>
    public static double[] Dense(in VBuffer<float> weights)
    {
        var all = new double[weights.Length];
        foreach (var (i, w) in weights.Items())
            all[i] = w;
        return all;
    }
}
