namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>Collects the tokens of one text.</summary>
internal sealed class TokenSink
{
    private int[] _ids = new int[128];
    private int[] _from = [];
    private int[] _to = [];
    private int[] _words = [];
    private readonly Dictionary<int, string> _shown = [];
    private bool _tracked;

    public int Count { get; private set; }

    /// <summary>Which piece of the text the next tokens belong to; kept only when tracked.</summary>
    public int Word { get; set; }

    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    public Span<int> From => _from.AsSpan(0, Count);

    public Span<int> To => _to.AsSpan(0, Count);

    public ReadOnlySpan<int> Words => _words.AsSpan(0, Count);

    public void Reset(bool tracked)
    {
        Count = 0;
        Word = 0;
        _tracked = tracked;
        _shown.Clear();
        if (tracked && _from.Length < _ids.Length)
        {
            _from = new int[_ids.Length];
            _to = new int[_ids.Length];
            _words = new int[_ids.Length];
        }
    }

    /// <summary>Adds a token that stands for the units <paramref name="start"/> to <paramref name="end"/> of <paramref name="text"/>.</summary>
    public void Add(int id, TextBuffer text, int start, int end)
    {
        if (Count == _ids.Length)
            Grow();
        if (_tracked)
        {
            _from[Count] = text.From(start);
            _to[Count] = text.To(Math.Max(end - 1, start));
            _words[Count] = Word;
        }
        _ids[Count++] = id;
    }

    /// <summary>Adds a token that is shown as the text it stands for and not by its own name.</summary>
    public void AddAsIs(int id, TextBuffer text, int start, int end)
    {
        if (_tracked)
            _shown[Count] = text.Text[start..end].ToString();
        Add(id, text, start, end);
    }

    /// <summary>What the token at <paramref name="index"/> is shown as, or null for its own name.</summary>
    public string? Shown(int index) => _shown.GetValueOrDefault(index);

    /// <summary>Drops all tokens from <paramref name="count"/> on.</summary>
    public void CutTo(int count) => Count = count;

    private void Grow()
    {
        var size = _ids.Length * 2;
        Array.Resize(ref _ids, size);
        if (_tracked)
        {
            Array.Resize(ref _from, size);
            Array.Resize(ref _to, size);
            Array.Resize(ref _words, size);
        }
    }
}
