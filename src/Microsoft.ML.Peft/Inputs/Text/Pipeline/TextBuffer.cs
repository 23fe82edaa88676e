namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>Text on its way to tokens, and for each of its UTF-16 units where in the original text it came from.</summary>
internal sealed class TextBuffer
{
    private int[] _from = [];
    private int[] _to = [];

    public char[] Chars { get; private set; } = new char[256];

    public int Length { get; private set; }

    /// <summary>Whether origins are kept. Without them nothing of the kind is allocated or copied.</summary>
    public bool Tracked { get; private set; }

    public ReadOnlySpan<char> Text => Chars.AsSpan(0, Length);

    public int From(int index) => _from[index];

    public int To(int index) => _to[index];

    public void Reset(bool tracked)
    {
        Length = 0;
        Tracked = tracked;
        if (tracked && _from.Length < Chars.Length)
        {
            _from = new int[Chars.Length];
            _to = new int[Chars.Length];
        }
    }

    /// <summary>Appends original text that starts at <paramref name="origin"/>; half a surrogate pair becomes U+FFFD.</summary>
    public void Load(ReadOnlySpan<char> text, int origin)
    {
        Reserve(text.Length);
        text.CopyTo(Chars.AsSpan(Length));
        if (Tracked)
        {
            for (var i = 0; i < text.Length; i++)
            {
                _from[Length + i] = origin + i;
                _to[Length + i] = origin + i + 1;
            }
        }
        var next = text.IndexOfAnyInRange('\uD800', '\uDFFF');
        for (var i = next; (uint)i < (uint)text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                if (Tracked)
                {
                    _to[Length + i]++;
                    _from[Length + i + 1]--;
                }
                i++;
            }
            else
            {
                Chars[Length + i] = '\uFFFD';
            }
        }
        Length += text.Length;
    }

    public void Add(char c, TextBuffer source, int index)
    {
        if (Length == Chars.Length)
            Reserve(1);
        if (Tracked)
        {
            _from[Length] = source._from[index];
            _to[Length] = source._to[index];
        }
        Chars[Length++] = c;
    }

    public void AddCode(int code, TextBuffer source, int index)
    {
        if (code < 0x10000)
        {
            Add((char)code, source, index);
            return;
        }
        Add((char)(0xD7C0 + (code >> 10)), source, index);
        Add((char)(0xDC00 + (code & 0x3FF)), source, index);
    }

    public void Add(char c, int from, int to)
    {
        if (Length == Chars.Length)
            Reserve(1);
        if (Tracked)
        {
            _from[Length] = from;
            _to[Length] = to;
        }
        Chars[Length++] = c;
    }

    public void AddText(ReadOnlySpan<char> text, int from, int to)
    {
        foreach (var c in text)
            Add(c, from, to);
    }

    public void AddRange(TextBuffer source, int start, int length)
    {
        Reserve(length);
        source.Chars.AsSpan(start, length).CopyTo(Chars.AsSpan(Length));
        if (Tracked)
        {
            source._from.AsSpan(start, length).CopyTo(_from.AsSpan(Length));
            source._to.AsSpan(start, length).CopyTo(_to.AsSpan(Length));
        }
        Length += length;
    }

    /// <summary>The code point at <paramref name="index"/> and its number of units.</summary>
    public int CodeAt(int index, out int units)
    {
        var c = Chars[index];
        if (char.IsHighSurrogate(c) && index + 1 < Length && char.IsLowSurrogate(Chars[index + 1]))
        {
            units = 2;
            return char.ConvertToUtf32(c, Chars[index + 1]);
        }
        units = 1;
        return c;
    }

    private void Reserve(int more)
    {
        if (Length + more <= Chars.Length)
            return;
        var size = Math.Max(Length + more, Chars.Length * 2);
        var chars = Chars;
        Array.Resize(ref chars, size);
        Chars = chars;
        if (Tracked)
        {
            Array.Resize(ref _from, size);
            Array.Resize(ref _to, size);
        }
    }
}
