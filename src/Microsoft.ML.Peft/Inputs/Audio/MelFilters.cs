namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Triangles that gather the frequencies of a spectrum into mel bands.</summary>
internal sealed class MelFilters
{
    private readonly (int First, float[] Weights)[] _bands;

    private MelFilters(IEnumerable<double[]> bands) => _bands = [.. bands.Select(Trim)];

    public int Count => _bands.Length;

    /// <summary>Kaldi's: mel(f) = 1127·ln(1 + f/700), triangles in mel from 20 Hz to half the rate; the highest frequency counts for nothing.</summary>
    public static MelFilters Kaldi(int bands, int transformSize, int sampleRate)
    {
        var (low, high) = (KaldiMel(20), KaldiMel(0.5 * sampleRate));
        var step = (high - low) / (bands + 1);
        return new(Enumerable.Range(0, bands).Select(band =>
        {
            var (left, centre, right) = (low + (band * step), low + ((band + 1) * step), low + ((band + 2) * step));
            var weights = new double[(transformSize / 2) + 1];
            for (var k = 0; k < transformSize / 2; k++)
            {
                var mel = KaldiMel((double)sampleRate / transformSize * k);
                weights[k] = Math.Max(0, Math.Min((mel - left) / (centre - left), (right - mel) / (right - centre)));
            }
            return weights;
        }));
    }

    /// <summary>Slaney's: linear to 1000 Hz and logarithmic above, triangles in hertz of equal area, from 0 Hz to <paramref name="highest"/>.</summary>
    public static MelFilters Slaney(int bands, int transformSize, int sampleRate, double highest)
    {
        var top = SlaneyMel(highest);
        var corners = Enumerable.Range(0, bands + 2).Select(k => SlaneyHertz(top * k / (bands + 1))).ToArray();
        return new(Enumerable.Range(0, bands).Select(band =>
        {
            var (left, centre, right) = (corners[band], corners[band + 1], corners[band + 2]);
            var weights = new double[(transformSize / 2) + 1];
            for (var k = 0; k < weights.Length; k++)
            {
                var frequency = (double)(sampleRate / 2) * k / (weights.Length - 1);
                weights[k] = Math.Max(0, Math.Min((frequency - left) / (centre - left), (right - frequency) / (right - centre))) * 2 / (right - left);
            }
            return weights;
        }));
    }

    /// <summary>Weighted sums of one spectrum.</summary>
    public void Apply(ReadOnlySpan<float> spectrum, Span<double> bands)
    {
        for (var band = 0; band < _bands.Length; band++)
        {
            var (first, weights) = _bands[band];
            double sum = 0;
            for (var k = 0; k < weights.Length; k++)
                sum += weights[k] * spectrum[first + k];
            bands[band] = sum;
        }
    }

    private static (int First, float[] Weights) Trim(double[] weights)
    {
        var first = Array.FindIndex(weights, w => w > 0);
        return first < 0 ? (0, []) : (first, [.. weights[first..(Array.FindLastIndex(weights, w => w > 0) + 1)].Select(w => (float)w)]);
    }

    private static double KaldiMel(double frequency) => 1127 * Math.Log(1 + (frequency / 700));

    private static double SlaneyMel(double frequency) => frequency < 1000 ? 3 * frequency / 200 : 15 + (Math.Log(frequency / 1000) * 27 / Math.Log(6.4));

    private static double SlaneyHertz(double mel) => mel < 15 ? 200 * mel / 3 : 1000 * Math.Exp(Math.Log(6.4) / 27 * (mel - 15));
}
