using System.Numerics;

namespace Microsoft.ML.Runtime;

/// <summary>The parts of MurmurHash3 x86 of 32 bits that seeds and hashed columns are made of.</summary>
internal static class Hashing
{
    /// <summary>One block of four bytes.</summary>
    public static uint Round(uint hash, uint block)
    {
        hash ^= Scramble(block);
        return BitOperations.RotateLeft(hash, 13) * 5 + 0xE6546B64;
    }

    public static uint Round(uint hash, ulong blocks)
    {
        hash = Round(hash, (uint)blocks);
        uint high = (uint)(blocks >> 32);
        // High halves that are zero are left out, so that small 64 bit numbers hash as 32 bit numbers do.
        return high == 0 ? hash : Round(hash, high);
    }

    /// <summary>The end of a message of so many bytes.</summary>
    public static uint Finish(uint hash, int length)
    {
        hash ^= (uint)length;
        hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
        return hash ^ (hash >> 16);
    }

    /// <summary>The hash of text as UTF-8, each UTF-16 unit encoded by itself.</summary>
    public static uint Text(uint hash, ReadOnlySpan<char> text)
    {
        uint block = 0;
        int filled = 0, length = 0;
        foreach (char c in text)
        {
            if (c <= 0x7F)
            {
                Put(c, ref hash, ref block, ref filled, ref length);
                continue;
            }
            if (c <= 0x7FF)
            {
                Put((uint)(0xC0 | (c >> 6)), ref hash, ref block, ref filled, ref length);
            }
            else
            {
                Put((uint)(0xE0 | (c >> 12)), ref hash, ref block, ref filled, ref length);
                Put((uint)(0x80 | ((c >> 6) & 0x3F)), ref hash, ref block, ref filled, ref length);
            }
            Put((uint)(0x80 | (c & 0x3F)), ref hash, ref block, ref filled, ref length);
        }
        if (filled > 0)
            hash ^= Scramble(block);
        return Finish(hash, length);
    }

    private static void Put(uint value, ref uint hash, ref uint block, ref int filled, ref int length)
    {
        block |= value << filled;
        filled += 8;
        length++;
        if (filled < 32)
            return;
        hash = Round(hash, block);
        block = 0;
        filled = 0;
    }

    private static uint Scramble(uint block) => BitOperations.RotateLeft(block * 0xCC9E2D51, 15) * 0x1B873593;
}
