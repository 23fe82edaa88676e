using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>
/// The generator behind every seed: three Tausworthe generators and a linear congruential one, combined.
/// A seed gives the same numbers as in the real packages, so the same rows land in the same split.
/// </summary>
internal sealed class HybridTausworthe : Random
{
    private uint _z1, _z2, _z3, _z4;

    public HybridTausworthe(uint seed)
    {
        _z1 = seed;
        _z2 = Hashing.Round(_z1, seed);
        _z3 = Hashing.Round(_z2, seed);
        _z4 = Hashing.Round(_z3, seed);
    }

    /// <summary>Seeded by the next numbers of another generator.</summary>
    public HybridTausworthe(Random source)
    {
        _z1 = State(source);
        _z2 = State(source);
        _z3 = State(source);
        _z4 = Bits(source);
    }

    public static HybridTausworthe Create(int? seed) => seed is int s ? new HybridTausworthe((uint)s) : new HybridTausworthe(new Random());

    private static uint Bits(Random source) => ((uint)source.Next(0x10000) << 16) | (uint)source.Next(0x10000);

    private static uint State(Random source)
    {
        // A Tausworthe state below 128 would stay in a short cycle.
        uint bits;
        do
            bits = Bits(source);
        while (bits < 128);
        return bits;
    }

    private uint NextBits()
    {
        _z1 = ((_z1 & ~1u) << 12) ^ (((_z1 << 13) ^ _z1) >> 19);
        _z2 = ((_z2 & ~7u) << 4) ^ (((_z2 << 2) ^ _z2) >> 25);
        _z3 = ((_z3 & ~15u) << 17) ^ (((_z3 << 3) ^ _z3) >> 11);
        _z4 = 1664525u * _z4 + 1013904223u;
        return _z1 ^ _z2 ^ _z3 ^ _z4;
    }

    /// <summary>The top 23 bits as a fraction: exact, never 1.</summary>
    public override float NextSingle() => (NextBits() >> 9) * (1f / (1 << 23));

    public override double NextDouble() => NextBits() * (1.0 / (1L << 32));

    protected override double Sample() => NextDouble();

    public int NextSigned() => (int)NextBits();

    public override int Next()
    {
        uint bits = NextBits();
        return (int)(bits + (bits & 0x80000000u));
    }

    public override int Next(int maxValue)
    {
        Contracts.CheckParam(maxValue >= 0, nameof(maxValue), "maxValue must be non-negative");
        return (int)(((ulong)NextBits() * (ulong)maxValue) >> 32);
    }

    public override int Next(int minValue, int maxValue)
    {
        Contracts.CheckParam(minValue <= maxValue, nameof(minValue), "minValue must be less than or equal to maxValue.");
        return (int)((long)(NextDouble() * ((long)maxValue - minValue)) + minValue);
    }

    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    public override void NextBytes(Span<byte> buffer)
    {
        for (int i = 0; i < buffer.Length; i++)
            buffer[i] = (byte)Next();
    }
}
