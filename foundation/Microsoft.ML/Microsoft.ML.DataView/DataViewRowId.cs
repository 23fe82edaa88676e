using System.Numerics;

namespace Microsoft.ML.Data;

/// <summary>A 128 bit row id, combined as the state of a MurmurHash3 x64 of 128 bits.</summary>
public readonly struct DataViewRowId : IComparable<DataViewRowId>, IEquatable<DataViewRowId>
{
    private const ulong C1 = 0x87c37b91114253d5;
    private const ulong C2 = 0x4cf5ad432745937f;

    public readonly ulong Low;
    public readonly ulong High;

    public DataViewRowId(ulong low, ulong high)
    {
        Low = low;
        High = high;
    }

    /// <summary>The state after a further block that is all zeros.</summary>
    public DataViewRowId Next() => Block(0, 0);

    /// <summary>The state after a further block whose last bit is one.</summary>
    public DataViewRowId Fork() => Block(1, 0);

    /// <summary>The state after the other id as a block, finished as the end of a message.</summary>
    public DataViewRowId Combine(DataViewRowId other)
    {
        var mixed = Block(other.Low, other.High);
        ulong h1 = mixed.Low, h2 = mixed.High;
        h1 += h2;
        h2 += h1;
        h1 = Final(h1);
        h2 = Final(h2);
        h1 += h2;
        h2 += h1;
        return new DataViewRowId(h1, h2);
    }

    private DataViewRowId Block(ulong k1, ulong k2)
    {
        ulong h1 = Low, h2 = High;
        h1 ^= BitOperations.RotateLeft(k1 * C1, 31) * C2;
        h1 = (BitOperations.RotateLeft(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= BitOperations.RotateLeft(k2 * C2, 33) * C1;
        h2 = (BitOperations.RotateLeft(h2, 31) + h1) * 5 + 0x38495ab5;
        return new DataViewRowId(h1, h2);
    }

    private static ulong Final(ulong k)
    {
        k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
        k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
        return k ^ (k >> 33);
    }

    public int CompareTo(DataViewRowId other)
    {
        int high = High.CompareTo(other.High);
        return high != 0 ? high : Low.CompareTo(other.Low);
    }

    public bool Equals(DataViewRowId other) => Low == other.Low && High == other.High;

    public override bool Equals(object obj) => obj is DataViewRowId other && Equals(other);

    public override int GetHashCode() => (int)(Low ^ (Low >> 32) ^ (High << 7) ^ (High >> 57) ^ (High >> (57 - 32)));

    public override string ToString() => $"{High:x16}{Low:x16}";
}
