using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The rows that one cursor of a set reads: every n-th block of rows, the block's number being the batch, by which the rows can be put in order.</summary>
internal sealed class RowShare(int count, int part, int parts)
{
    private const int BlockRows = 64;

    private int _block = part;
    private int _inBlock = -1;

    public int Row => _block * BlockRows + _inBlock;

    public long Batch => _block;

    public bool MoveNext()
    {
        if (++_inBlock == BlockRows)
        {
            _inBlock = 0;
            _block += parts;
        }
        return (long)_block * BlockRows + _inBlock < count;
    }

    /// <summary>At most n shares, and none without rows but the first.</summary>
    public static RowShare[] Split(int count, int n)
    {
        Contracts.CheckParam(n > 0, nameof(n), "Must be positive");
        int parts = Math.Clamp((count + BlockRows - 1) / BlockRows, 1, n);
        return Enumerable.Range(0, parts).Select(part => new RowShare(count, part, parts)).ToArray();
    }
}
