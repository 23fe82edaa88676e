namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Remembers the tokens of short pieces. A slot holds the piece that came last; no lock is ever taken.</summary>
internal sealed class PieceCache
{
    /// <summary>Longest piece that is kept, in UTF-16 units.</summary>
    public const int LongestPiece = 64;

    private const int Slots = 1 << 14;

    private readonly Entry?[] _entries = new Entry?[Slots];

    /// <summary>The tokens of a piece and, relative to its start, the units that each stands for.</summary>
    public sealed record Entry(string Piece, int[] Ids, int[] Starts, int[] Ends);

    public Entry? Find(ReadOnlySpan<char> piece, out int slot)
    {
        slot = Slot(piece);
        var entry = Volatile.Read(ref _entries[slot]);
        return entry != null && piece.SequenceEqual(entry.Piece) ? entry : null;
    }

    public void Store(int slot, Entry entry) => Volatile.Write(ref _entries[slot], entry);

    private static int Slot(ReadOnlySpan<char> piece)
    {
        var hash = (uint)piece.Length;
        foreach (var c in piece)
            hash = (hash ^ c) * 0x9E3779B1u;
        return (int)((hash ^ (hash >> 15)) & (Slots - 1));
    }
}
