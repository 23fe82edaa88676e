using System.Numerics;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Rank and result of every merge rule, by the two ids that it joins.</summary>
internal sealed class PairTable
{
    private const long Empty = -1;

    private readonly long[] _keys;
    private readonly long[] _values;
    private readonly int _shift;

    public PairTable(int count)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, count * 2));
        _shift = 64 - BitOperations.Log2((uint)size);
        _keys = new long[size];
        _values = new long[size];
        Array.Fill(_keys, Empty);
    }

    /// <summary>Adds a rule; one for the same pair replaces an earlier one.</summary>
    public void Set(int left, int right, int rank, int result)
    {
        var slot = Find(Key(left, right));
        _keys[slot] = Key(left, right);
        _values[slot] = ((long)rank << 32) | (uint)result;
    }

    public bool TryGet(int left, int right, out int rank, out int result)
    {
        var slot = Find(Key(left, right));
        var value = _values[slot];
        (rank, result) = ((int)(value >> 32), (int)value);
        return _keys[slot] != Empty;
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private int Find(long key)
    {
        var slot = (int)((ulong)(key * unchecked((long)0x9E3779B97F4A7C15)) >> _shift);
        while (_keys[slot] != key && _keys[slot] != Empty)
            slot = (slot + 1) & (_keys.Length - 1);
        return slot;
    }
}
