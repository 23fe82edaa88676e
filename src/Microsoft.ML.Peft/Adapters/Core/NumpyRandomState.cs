namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>NumPy's older random stream, <c>RandomState</c>: what scikit-learn draws from for a seed.</summary>
/// <remarks>Source: Matsumoto and Nishimura 1998, Mersenne Twister, ACM TOMACS 8(1); MT19937.</remarks>
internal sealed class NumpyRandomState
{
    private const int Length = 624;
    private readonly uint[] _state = new uint[Length];
    private int _at = Length;

    /// <summary>Starts the stream of a seed.</summary>
    public NumpyRandomState(uint seed)
    {
        _state[0] = seed;
        for (uint k = 1; k < Length; k++)
        {
            _state[k] = (1812433253u * (_state[k - 1] ^ (_state[k - 1] >> 30))) + k;
        }
    }

    /// <summary>Even on 0 to below 1, with 53 bits.</summary>
    public double Uniform()
    {
        var (high, low) = (Next() >> 5, Next() >> 6);
        return ((high * 67108864.0) + low) / 9007199254740992.0;
    }

    /// <summary>Numbers below <paramref name="from"/>, none twice, as <c>choice</c> without replacement draws them where all are equally likely
    /// by a list of probabilities.</summary>
    public int[] Choose(int count, int from)
    {
        var chosen = new List<int>();
        var chance = Enumerable.Repeat(1.0 / from, from).ToArray();
        while (chosen.Count < count)
        {
            var drawn = Enumerable.Range(0, count - chosen.Count).Select(_ => Uniform()).ToArray();
            chosen.ForEach(k => chance[k] = 0);
            var sums = new double[from];
            for (var k = 0; k < from; k++)
            {
                sums[k] = (k > 0 ? sums[k - 1] : 0) + chance[k];
            }

            chosen.AddRange(drawn.Select(u => Array.FindIndex(sums, sum => sum / sums[^1] > u)).Distinct());
        }

        return [.. chosen];
    }

    private uint Next()
    {
        if (_at == Length)
        {
            for (var k = 0; k < Length; k++)
            {
                var y = (_state[k] & 0x80000000) | (_state[(k + 1) % Length] & 0x7fffffff);
                _state[k] = _state[(k + 397) % Length] ^ (y >> 1) ^ ((y & 1) * 0x9908b0df);
            }

            _at = 0;
        }

        var x = _state[_at++];
        x ^= x >> 11;
        x ^= (x << 7) & 0x9d2c5680;
        x ^= (x << 15) & 0xefc60000;
        return x ^ (x >> 18);
    }
}
