using System.Globalization;
using System.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>One level of an inverse wavelet transform of vectors, and its transpose.</summary>
/// <remarks>Coefficients (2·half): first the low band, then the high one. Each is spread over every other place and convolved with the
/// band's filter; the middle of the sum is the result. Source: Daubechies 1992, Ten Lectures on Wavelets, §6.4.</remarks>
internal sealed class Wavelet
{
    private const int MostMoments = 10;

    private readonly long _length;
    private readonly long _before; // numbers of the whole convolution that are cut off in front
    private readonly long _after;
    private readonly float[] _filters; // low, high

    /// <summary>The transform that gives vectors of a length.</summary>
    /// <param name="family">Name of the wavelet: db1 to db10.</param>
    /// <param name="length">Length of the vectors.</param>
    /// <exception cref="ArgumentException">There is no such wavelet.</exception>
    public Wavelet(string family, long length)
    {
        var low = LowPass(family);
        double[] high = [.. low.Select((_, k) => (k % 2 == 0 ? 1 : -1) * low[low.Length - 1 - k])];
        _filters = [.. low.Concat(high).Select(v => (float)v)];
        _length = length;
        Padded = length + low.Length - 2;
        Padded += Padded % 2;

        // As PyWavelets cuts a reconstruction, and then the middle of what is left.
        var whole = Padded + low.Length - 2;
        var cut = ((2 * low.Length) - 3) / 2;
        _before = cut + ((whole - (2 * cut) - length) / 2);
        _after = whole - length - _before;
    }

    /// <summary>Count of coefficients.</summary>
    public long Padded { get; }

    /// <summary>Place of the first coefficient that belongs to the vector itself.</summary>
    public long Offset => (Padded - _length) / 2;

    /// <summary>Coefficients (n, <see cref="Padded"/>) give vectors (n, length).</summary>
    public Tensor Synthesize(Tensor coefficients)
        => nn.functional.conv_transpose1d(coefficients.reshape(-1, 2, Padded / 2), Filters(coefficients), stride: 2)
            .squeeze(1).narrow(1, _before, _length);

    /// <summary>The transpose: vectors (n, length) give coefficients (n, <see cref="Padded"/>).</summary>
    public Tensor Analyze(Tensor vectors)
        => nn.functional.conv1d(nn.functional.pad(vectors, (_before, _after)).unsqueeze(1), Filters(vectors), stride: 2).flatten(1);

    /// <summary>Refuses a name that is no wavelet of this library.</summary>
    /// <exception cref="ArgumentException">There is no such wavelet.</exception>
    public static void Check(string family) => _ = Moments(family);

    private Tensor Filters(Tensor like) => tensor(_filters).view(2, 1, -1).to(like.device);

    private static int Moments(string family)
        => family.StartsWith("db", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(family.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var moments) && moments is >= 1 and <= MostMoments
            ? moments
            : throw new ArgumentException($"WaveletFamily is '{family}'; supported are db1 to db{MostMoments}.");

    // |H|² is (1 + cos ω)^N times a polynomial; H takes the zeros inside the unit circle.
    private static double[] LowPass(string family)
    {
        var moments = Moments(family);
        Complex[] filter = [1];
        for (var k = 0; k < moments; k++)
        {
            filter = Times(filter, [1, 1]);
        }

        foreach (var y in Zeros(Enumerable.Range(0, moments).Select(k => Binomial(moments - 1 + k, k)).ToArray()))
        {
            var half = 1 - (2 * y); // z + 1/z = 2·half
            var z = half + Complex.Sqrt((half * half) - 1);
            filter = Times(filter, [1, -(z.Magnitude < 1 ? z : 1 / z)]);
        }

        var scale = Math.Sqrt(2) / filter.Sum(v => v.Real);
        return [.. filter.Select(v => v.Real * scale)];
    }

    private static double Binomial(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, j) => product * (n - k + j) / j);

    private static Complex[] Times(Complex[] a, Complex[] b)
    {
        var product = new Complex[a.Length + b.Length - 1];
        for (var i = 0; i < a.Length; i++)
        {
            for (var j = 0; j < b.Length; j++)
            {
                product[i + j] += a[i] * b[j];
            }
        }

        return product;
    }

    // Durand and Kerner's iteration on a polynomial with the given coefficients, lowest power first.
    private static Complex[] Zeros(double[] polynomial)
    {
        var zeros = Enumerable.Range(0, polynomial.Length - 1).Select(k => Complex.Pow(new Complex(0.4, 0.9), k)).ToArray();
        for (var round = 0; round < 500; round++)
        {
            for (var k = 0; k < zeros.Length; k++)
            {
                var z = zeros[k];
                var value = polynomial.Reverse().Aggregate(Complex.Zero, (sum, c) => (sum * z) + c);
                var others = zeros.Where((_, j) => j != k).Aggregate((Complex)polynomial[^1], (product, other) => product * (z - other));
                zeros[k] -= value / others;
            }
        }

        return zeros;
    }
}
