namespace Microsoft.ML.Peft.Inputs.Batching;

/// <summary>Random numbers of one row in one epoch, which do not depend on what other rows drew.</summary>
internal static class RowRandom
{
    /// <summary>The numbers of a row; equal arguments give equal numbers, on every machine.</summary>
    public static Random Of(int seed, int epoch, long row)
    {
        // Steele, Lea and Flood's SplitMix64: neighbouring rows must not have neighbouring seeds.
        var mixed = Mix(Mix(Mix(unchecked((ulong)seed)) + unchecked((ulong)epoch)) + unchecked((ulong)row));
        return new Random(unchecked((int)(mixed >> 32))); // a seeded Random draws by a fixed algorithm
    }

    private static ulong Mix(ulong value)
    {
        unchecked
        {
            value += 0x9E3779B97F4A7C15;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return value ^ (value >> 31);
        }
    }
}
