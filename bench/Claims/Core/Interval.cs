using System.Globalization;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Bench.Claims.Core;

/// <summary>A mean with its 95 % interval, Student's t.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="HalfWidth">Half the interval; not a number for a single value.</param>
internal readonly record struct Interval(double Mean, double HalfWidth)
{
    /// <summary>The interval of some runs.</summary>
    public static Interval Of(IReadOnlyList<double> values)
        => new(values.Mean(), values.Count < 2
            ? double.NaN
            : StudentT.InvCDF(0, 1, values.Count - 1, 0.975) * values.StandardDeviation() / Math.Sqrt(values.Count));

    /// <summary>The interval of the differences of runs of equal seeds.</summary>
    public static Interval OfDifferences(IReadOnlyList<double> left, IReadOnlyList<double> right) => Of([.. left.Zip(right, (a, b) => a - b)]);

    /// <inheritdoc/>
    public override string ToString() => ToString("G3");

    /// <summary>Mean ± half width in a numeric format.</summary>
    public string ToString(string format)
        => string.Create(CultureInfo.InvariantCulture, $"{Mean.ToString(format, CultureInfo.InvariantCulture)} ± {HalfWidth.ToString(format, CultureInfo.InvariantCulture)}");
}
