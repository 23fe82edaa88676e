namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>A stretch of the normalized text; <see cref="Token"/> ≥ 0 if it already is a token and must be left alone.</summary>
internal readonly record struct Piece(int Start, int End, int Token)
{
    public const int NoToken = -1;

    public int Length => End - Start;
}

/// <summary>The normalized text and its split into pieces: what pre-tokenizers work on.</summary>
internal sealed class PieceList
{
    private Piece[] _items = new Piece[64];
    private Piece[] _oldItems = new Piece[64];
    private TextBuffer _oldText = new();

    public TextBuffer Text { get; private set; } = new();

    public int Count { get; private set; }

    public ReadOnlySpan<Piece> Items => _items.AsSpan(0, Count);

    public void Reset(bool tracked)
    {
        Count = 0;
        Text.Reset(tracked);
    }

    /// <summary>Adds a piece; empty ones without a token are dropped.</summary>
    public void Add(int start, int end, int token = Piece.NoToken)
    {
        if (start == end && token == Piece.NoToken)
            return;
        if (Count == _items.Length)
            Array.Resize(ref _items, Count * 2);
        _items[Count++] = new Piece(start, end, token);
    }

    /// <summary>Hands out the pieces so far and starts an empty list, into which the caller adds their parts.</summary>
    public ReadOnlySpan<Piece> Take()
    {
        (_items, _oldItems) = (_oldItems, _items);
        var old = _oldItems.AsSpan(0, Count);
        Count = 0;
        return old;
    }

    /// <summary>Hands out the text so far and starts an empty one, into which the caller writes the changed text.</summary>
    public TextBuffer TakeText()
    {
        (Text, _oldText) = (_oldText, Text);
        Text.Reset(_oldText.Tracked);
        return _oldText;
    }
}
