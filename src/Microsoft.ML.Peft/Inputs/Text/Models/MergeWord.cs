using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>The symbols of one piece while merge rules join them: a linked list and a queue of possible merges.</summary>
/// <remarks>n·log n for a piece of n symbols.</remarks>
internal sealed class MergeWord
{
    private const int None = -1;
    private const int LargestKept = 1 << 16;

    [ThreadStatic]
    private static MergeWord? _ofThread;

    private readonly PriorityQueue<(int Position, int Result), long> _queue = new();
    private Symbol[] _symbols = new Symbol[64];

    public int Count { get; private set; }

    public static MergeWord Rent()
    {
        var word = _ofThread ?? new MergeWord();
        _ofThread = null;
        word.Count = 0;
        return word;
    }

    public void Return()
    {
        if (_symbols.Length <= LargestKept)
            _ofThread = this;
    }

    public void Add(int id, int start, int end)
    {
        if (Count == _symbols.Length)
            Array.Resize(ref _symbols, Count * 2);
        _symbols[Count] = new Symbol { Id = id, Start = start, End = end, Previous = Count - 1, Next = None };
        if (Count > 0)
            _symbols[Count - 1].Next = Count;
        Count++;
    }

    /// <summary>Applies the rules, best rank first, then leftmost.</summary>
    public void Merge(PairTable merges)
    {
        _queue.Clear();
        for (var i = 0; i + 1 < Count; i++)
            Offer(merges, i, i + 1);
        while (_queue.TryDequeue(out var best, out _))
        {
            ref var left = ref _symbols[best.Position];
            if (left.Id == None || left.Next == None)
                continue;
            ref var right = ref _symbols[left.Next];
            // Since it was queued, either side may have become something else.
            if (!merges.TryGet(left.Id, right.Id, out _, out var result) || result != best.Result)
                continue;
            left.Id = result;
            left.End = right.End;
            left.Next = right.Next;
            right.Id = None;
            if (left.Next != None)
                _symbols[left.Next].Previous = best.Position;
            if (left.Previous != None)
                Offer(merges, left.Previous, best.Position);
            if (left.Next != None)
                Offer(merges, best.Position, left.Next);
        }
    }

    /// <summary>Adds what is left to a sink, or collects it.</summary>
    public void Emit(TextBuffer text, TokenSink sink)
    {
        for (var i = 0; i < Count; i++)
        {
            ref readonly var symbol = ref _symbols[i];
            if (symbol.Id != None)
                sink.Add(symbol.Id, text, symbol.Start, symbol.End);
        }
    }

    /// <summary>The tokens with their units relative to <paramref name="origin"/>.</summary>
    public PieceCache.Entry ToEntry(string piece, int origin)
    {
        var left = _symbols.AsSpan(0, Count).ToArray().Where(symbol => symbol.Id != None).ToArray();
        return new PieceCache.Entry(
            piece, Array.ConvertAll(left, s => s.Id), Array.ConvertAll(left, s => s.Start - origin), Array.ConvertAll(left, s => s.End - origin));
    }

    private void Offer(PairTable merges, int left, int right)
    {
        if (merges.TryGet(_symbols[left].Id, _symbols[right].Id, out var rank, out var result))
            _queue.Enqueue((left, result), ((long)rank << 32) | (uint)left);
    }

    private struct Symbol
    {
        public int Id;
        public int Start;
        public int End;
        public int Previous;
        public int Next;
    }
}
