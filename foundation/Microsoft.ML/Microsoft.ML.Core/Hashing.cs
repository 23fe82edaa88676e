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

    /// <summary>The end of a message of so many bytes.</summary>
    public static uint Finish(uint hash, int length)
    {
        hash ^= (uint)length;
        hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
        return hash ^ (hash >> 16);
    }

    /// <summary>
    /// The hash of text as UTF-8, each UTF-16 unit encoded by itself. A character of several bytes is put into byte order by turning
    /// all pending bytes, also those before it: that is what the real library does, and which split a row lands in depends on it.
    /// </summary>
    public static uint Text(uint hash, ReadOnlySpan<char> text)
    {
        ulong pending = 0;
        int bits = 0, length = 0;
        foreach (uint c in text)
        {
            if (c <= 0x7F)
            {
                pending |= (ulong)c << bits;
                bits += 8;
            }
            else if (c <= 0x7FF)
            {
                pending |= (ulong)(0xC080 | (c & 0x3F) | ((c << 2) & 0x1F00)) << bits;
                pending = ((pending & 0xFF) << 8) | (pending >> 8);
                bits += 16;
            }
            else
            {
                pending |= (ulong)(0xE08080 | (c & 0x3F) | ((c << 2) & 0x3F00) | ((c << 4) & 0x0F0000)) << bits;
                pending = ((pending & 0xFF) << 16) | (((pending >> 8) & 0xFF) << 8) | (pending >> 16);
                bits += 24;
            }
            if (bits >= 32)
            {
                hash = Round(hash, (uint)pending);
                pending >>= 32;
                bits -= 32;
                length += 4;
            }
        }
        length += bits / 8;
        uint rest = (uint)pending & ((1u << (8 * (length & 3))) - 1);
        if ((length & 3) > 0)
            hash ^= Scramble(rest);
        return Finish(hash, length);
    }

    private static uint Scramble(uint block) => BitOperations.RotateLeft(block * 0xCC9E2D51, 15) * 0x1B873593;
}
