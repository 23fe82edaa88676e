using System.Globalization;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>Splits a line into its non-empty fields.</summary>
internal sealed class FieldSplitter(TextFormat format, int lastNeeded, bool keepSparse = true)
{
    private readonly char _separator = format.Separators[0];
    private readonly bool _one = format.Separators.Length == 1;
    private readonly bool _spaceSeparates = format.SpaceSeparates;
    private readonly bool _sparse = format.AllowSparse && keepSparse;
    private readonly StringBuilder _text = new();
    private string _line;
    private int _at;
    private int _sparseIndex;
    private ReadOnlyMemory<char> _field;

    /// <summary>The non-empty fields (all of them where empty reals are NaN) and the numbers of their places.</summary>
    public ReadOnlyMemory<char>[] Fields { get; private set; } = new ReadOnlyMemory<char>[16];

    public int[] Indices { get; private set; } = new int[16];

    public int Count { get; private set; }

    /// <summary>Splits a line as far as needed; gives the number of fields the line has, as far as it was read.</summary>
    public int Split(string line)
    {
        _line = format.TrimWhitespace ? line.TrimEnd() : line;
        _at = 0;
        Count = 0;
        return _sparse ? SplitSparse() : SplitDense();
    }

    private int SplitDense()
    {
        int field = 0;
        for (; ; )
        {
            bool more = Next();
            if (!_field.IsEmpty || format.MissingRealsAsNaNs)
                Add(field);
            if (++field > lastNeeded || !more)
                return field;
        }
    }

    /// <summary>Plain fields, then index:value items. Without a known size the last plain field is the number of places that follow.</summary>
    private int SplitSparse()
    {
        int field = 0, sparseStart = -1, previous = -1, size = format.InputSize, needed = lastNeeded, places = -1;
        for (; ; )
        {
            bool more = Next();
            if (_sparseIndex < 0)
            {
                if (sparseStart >= 0)
                    break;
                if (!_field.IsEmpty)
                    Add(field);
                if (field++ > needed || !more)
                    break;
                continue;
            }
            if (sparseStart < 0)
            {
                if (size == 0)
                {
                    if (Count == 0 || Indices[Count - 1] != field - 1
                        || !NumberText.TryParse(Fields[Count - 1].Span, 1, int.MaxValue, out long given))
                    {
                        break;
                    }
                    sparseStart = Indices[--Count];
                    places = (int)Math.Min(given, TextColumns.Open - sparseStart - 1);
                    size = sparseStart + places;
                    needed = Math.Min(needed, size - 1);
                }
                else
                {
                    sparseStart = Count;
                    places = size - Count;
                }
                field = -1;
            }
            if (_sparseIndex > needed - sparseStart)
            {
                if (_sparseIndex >= places || _sparseIndex > needed - sparseStart + 1)
                    break;
            }
            if (previous >= _sparseIndex)
                break;
            previous = _sparseIndex;
            if (!_field.IsEmpty)
                Add(sparseStart + _sparseIndex);
            if (!more)
                break;
        }
        return sparseStart < 0 ? Math.Max(field, size) : size;
    }

    private void Add(int index)
    {
        if (Count == Fields.Length)
        {
            var fields = Fields;
            Array.Resize(ref fields, Count * 2);
            Fields = fields;
            var indices = Indices;
            Array.Resize(ref indices, Count * 2);
            Indices = indices;
        }
        Fields[Count] = _field;
        Indices[Count++] = index;
    }

    private bool IsSeparator(char c) => c == _separator || (!_one && format.Separators.Contains(c));

    private void SkipSpaces()
    {
        while (!_spaceSeparates && _at < _line.Length && _line[_at] == ' ')
            _at++;
    }

    /// <summary>Reads a field; says whether a separator follows it.</summary>
    private bool Next()
    {
        _sparseIndex = -1;
        _field = default;
        SkipSpaces();
        if (_sparse && _at < _line.Length && char.IsAsciiDigit(_line[_at]))
            ReadSparseIndex();
        if (_at >= _line.Length)
            return false;
        if (format.AllowQuoting && _line[_at] == '"')
        {
            _field = ReadQuoted();
        }
        else
        {
            int start = _at;
            if (_one)
            {
                int end = _line.IndexOf(_separator, _at);
                _at = end < 0 ? _line.Length : end;
            }
            else
            {
                while (_at < _line.Length && !IsSeparator(_line[_at]))
                    _at++;
            }
            _field = _line.AsMemory(start, _at - start);
        }
        if (_at >= _line.Length)
            return false;
        _at++;
        return true;
    }

    private void ReadSparseIndex()
    {
        const int MaxDigits = 9;
        int end = _at + 1;
        while (end < _line.Length && end < _at + MaxDigits && char.IsAsciiDigit(_line[end]))
            end++;
        if (end >= _line.Length || _line[end] != ':')
            return;
        _sparseIndex = int.Parse(_line.AsSpan(_at, end - _at), CultureInfo.InvariantCulture);
        _at = end + 1;
        SkipSpaces();
    }

    /// <summary>A field in quotes; empty where the quoting is wrong.</summary>
    private ReadOnlyMemory<char> ReadQuoted()
    {
        _text.Clear();
        bool closed = false;
        for (_at++; _at < _line.Length; _at++)
        {
            char c = _line[_at];
            if (format.EscapeChar == '"')
            {
                if (c == '"')
                {
                    if (_at + 1 >= _line.Length || _line[_at + 1] != '"')
                    {
                        closed = true;
                        _at++;
                        break;
                    }
                    _at++;
                }
            }
            else if (c == format.EscapeChar)
            {
                if (_at + 1 >= _line.Length)
                    continue;
                // Only an escaped quote loses its escape character.
                if (_line[_at + 1] != '"')
                    _text.Append(c);
                _at++;
                c = _line[_at];
            }
            else if (c == '"')
            {
                closed = true;
                _at++;
                break;
            }
            _text.Append(c);
        }
        bool good = closed;
        while (_at < _line.Length && !IsSeparator(_line[_at]))
            good &= _line[_at++] == ' ';
        return good ? _text.ToString().AsMemory() : default;
    }
}
