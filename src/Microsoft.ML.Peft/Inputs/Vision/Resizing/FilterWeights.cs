namespace Microsoft.ML.Peft.Inputs.Vision.Resizing;

/// <summary>Which old pixels make each new one along one axis, and with which weight: whole numbers of 1/2^22, rounded as Pillow rounds them.</summary>
internal sealed class FilterWeights
{
    /// <summary>Bits behind the point: a byte times a weight, summed up, stays within 32 bits.</summary>
    public const int Precision = 32 - 8 - 2;

    private FilterWeights(int stride, int[] weights, int[] starts, int[] counts)
        => (Stride, Weights, Starts, Counts) = (stride, weights, starts, counts);

    /// <summary>Distance of two pixels' first weights in <see cref="Weights"/>.</summary>
    public int Stride { get; }

    public int[] Weights { get; }

    /// <summary>For each new pixel the first old one that counts.</summary>
    public int[] Starts { get; }

    /// <summary>For each new pixel how many old ones count.</summary>
    public int[] Counts { get; }

    /// <summary>Weights from a stretch of the old axis, of which the filter is widened when it shrinks.</summary>
    /// <param name="size">Pixels of the old axis.</param>
    /// <param name="from">Where the stretch begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="newSize">Pixels of the new axis.</param>
    /// <param name="resampling">The filter; not <see cref="Resampling.Nearest"/>.</param>
    public static FilterWeights Of(int size, double from, double to, int newSize, Resampling resampling)
    {
        var (filter, reach) = Filter(resampling);
        var scale = (to - from) / newSize;
        var filterScale = Math.Max(scale, 1.0);
        var support = reach * filterScale;
        var stride = ((int)Math.Ceiling(support) * 2) + 1;
        var result = new FilterWeights(stride, new int[checked(stride * newSize)], new int[newSize], new int[newSize]);
        var row = new double[stride];
        for (var x = 0; x < newSize; x++)
        {
            var centre = from + ((x + 0.5) * scale);
            var first = Math.Max(0, (int)(centre - support + 0.5));
            var count = Math.Min(size, (int)(centre + support + 0.5)) - first;
            double sum = 0;
            for (var k = 0; k < count; k++)
                sum += row[k] = filter((k + first - centre + 0.5) * (1.0 / filterScale));
            for (var k = 0; k < count; k++)
            {
                var weight = sum != 0 ? row[k] / sum : row[k];
                result.Weights[(x * stride) + k] = (int)((weight < 0 ? -0.5 : 0.5) + (weight * (1 << Precision)));
            }
            (result.Starts[x], result.Counts[x]) = (first, count);
        }
        return result;
    }

    private static (Func<double, double> Filter, double Reach) Filter(Resampling resampling) => resampling switch
    {
        Resampling.Box => (x => x is > -0.5 and <= 0.5 ? 1 : 0, 0.5),
        Resampling.Bilinear => (x => Math.Max(0, 1 - Math.Abs(x)), 1),
        Resampling.Hamming => (Hamming, 1),
        Resampling.Bicubic => (Cubic, 2),
        Resampling.Lanczos => (x => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0, 3),
        _ => throw new ArgumentOutOfRangeException(nameof(resampling), $"resampling is {resampling}; it must be a {nameof(Resampling)}."),
    };

    private static double Hamming(double x)
    {
        x = Math.Abs(x);
        return x == 0 ? 1 : x >= 1 ? 0 : Math.Sin(x * Math.PI) / (x * Math.PI) * (0.54 + (0.46 * Math.Cos(x * Math.PI)));
    }

    private static double Cubic(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a
            : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
