using System.Numerics;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The numbers of NumPy's <c>default_rng(seed)</c>: files that name a seed mean the choices that it makes.</summary>
/// <remarks>A permuted congruential generator of 128 bits (PCG XSL-RR) whose state is hashed from the seed, and bounded numbers by
/// Lemire's multiplication. O'Neill 2014; Lemire 2019, arXiv:1805.10941.</remarks>
internal sealed class NumpyRandom
{
    private static readonly UInt128 s_multiplier = new(0x2360ED051FC65DA4, 0x4385DF649FCCF645);

    private readonly UInt128 _increment;
    private UInt128 _state;
    private uint? _spare; // the upper half of a number whose lower half was used

    public NumpyRandom(ulong seed)
    {
        var words = SeedWords(seed);
        _increment = (new UInt128(words[2], words[3]) << 1) | 1;
        Step();
        _state += new UInt128(words[0], words[1]);
        Step();
    }

    /// <summary>Puts a list into random order.</summary>
    public void Shuffle(Span<long> items)
    {
        for (var k = items.Length - 1; k > 0; k--)
        {
            var other = (int)UpTo((uint)k);
            (items[k], items[other]) = (items[other], items[k]);
        }
    }

    // NumPy shuffles an array by masking and rejecting, and draws bounded numbers elsewhere by multiplying.
    private uint UpTo(uint last)
    {
        if (last == 0)
        {
            return 0;
        }

        var mask = uint.MaxValue >> BitOperations.LeadingZeroCount(last);
        uint drawn;
        do
        {
            drawn = Next32() & mask;
        }
        while (drawn > last);
        return drawn;
    }

    /// <summary><paramref name="count"/> different numbers of 0 to <paramref name="size"/> − 1, in random order.</summary>
    public long[] Choose(int size, int count)
    {
        if (size > 10000 && count > size / 50)
        {
            // Many of many: the end of a shuffled list.
            var all = new long[size];
            for (var k = 0; k < size; k++)
            {
                all[k] = k;
            }

            for (var k = size - 1; k >= Math.Max(size - count, 1); k--)
            {
                var other = (int)Below((uint)k);
                (all[k], all[other]) = (all[other], all[k]);
            }

            return all[(size - count)..];
        }

        // Floyd's: one draw for each, a repeated one gives its place to the newest number.
        var (seen, chosen) = (new HashSet<long>(), new long[count]);
        for (var j = size - count; j < size; j++)
        {
            var drawn = (long)Below((uint)j);
            chosen[j - size + count] = seen.Add(drawn) ? drawn : j;
            seen.Add(chosen[j - size + count]);
        }

        for (var k = count - 1; k > 0; k--)
        {
            var other = (int)Below((uint)k);
            (chosen[k], chosen[other]) = (chosen[other], chosen[k]);
        }

        return chosen;
    }

    /// <summary>A number of 0 to <paramref name="last"/>, which is below 2³² − 1.</summary>
    private uint Below(uint last)
    {
        if (last == 0)
        {
            return 0;
        }

        var count = last + 1;
        var product = (ulong)Next32() * count;
        if ((uint)product < count)
        {
            var threshold = (uint.MaxValue - last) % count;
            while ((uint)product < threshold)
            {
                product = (ulong)Next32() * count;
            }
        }

        return (uint)(product >> 32);
    }

    private uint Next32()
    {
        if (_spare is { } upper)
        {
            _spare = null;
            return upper;
        }

        Step();
        var folded = (ulong)(_state >> 64) ^ (ulong)_state;
        var number = BitOperations.RotateRight(folded, (int)(_state >> 122));
        _spare = (uint)(number >> 32);
        return (uint)number;
    }

    private void Step() => _state = (_state * s_multiplier) + _increment;

    // NumPy's SeedSequence: a pool of four words that every word of the seed is mixed into, then read out by another hash.
    private static ulong[] SeedWords(ulong seed)
    {
        uint[] entropy = seed <= uint.MaxValue ? [(uint)seed] : [(uint)seed, (uint)(seed >> 32)];
        var pool = new uint[4];
        var constant = 0x43B0D7E5u;
        for (var k = 0; k < 4; k++)
        {
            pool[k] = Hash(k < entropy.Length ? entropy[k] : 0, ref constant, 0x931E8875);
        }

        for (var from = 0; from < 4; from++)
        {
            for (var to = 0; to < 4; to++)
            {
                if (from != to)
                {
                    var mixed = (0xCA01F9DDu * pool[to]) - (0x4973F715u * Hash(pool[from], ref constant, 0x931E8875));
                    pool[to] = mixed ^ (mixed >> 16);
                }
            }
        }

        constant = 0x8B51F9DD;
        var words = new ulong[4];
        for (var k = 0; k < 8; k++)
        {
            words[k / 2] |= (ulong)Hash(pool[k % 4], ref constant, 0x58F38DED) << (32 * (k % 2));
        }

        return words;
    }

    private static uint Hash(uint value, ref uint constant, uint multiplier)
    {
        value ^= constant;
        constant *= multiplier;
        value *= constant;
        return value ^ (value >> 16);
    }
}
