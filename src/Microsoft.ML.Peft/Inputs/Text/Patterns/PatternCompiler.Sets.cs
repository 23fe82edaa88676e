using System.Globalization;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

// Escapes and sets of characters.
internal sealed partial class PatternCompiler
{
    private CharSet? Escape()
    {
        if (!More)
            throw Error("ends with a '\\'");
        switch (Peek)
        {
            case 'A':
                _at++;
                return EmitAnchor(PatternAnchor.TextStart);
            case 'z':
                _at++;
                return EmitAnchor(PatternAnchor.TextEnd);
            case 'Z':
                _at++;
                return EmitAnchor(PatternAnchor.TextEndOrLastLine);
            case 'b':
                _at++;
                return EmitAnchor(PatternAnchor.WordBoundary);
            case 'B':
                _at++;
                return EmitAnchor(PatternAnchor.NoWordBoundary);
            case >= '1' and <= '9':
                throw Error("refers back to a group, which this engine cannot");
        }
        var set = new CharSet();
        AddEscape(set, out _);
        return EmitOne(set.Close(negated: false, _ignoreCase));
    }

    /// <summary>Adds what follows a backslash to a set; <paramref name="code"/> is −1 unless it is a single character.</summary>
    private void AddEscape(CharSet set, out int code)
    {
        var c = pattern[_at++];
        code = -1;
        switch (c)
        {
            case 's' or 'S':
                set.AddClass(CharClass.Space, c == 'S');
                return;
            case 'd' or 'D':
                set.AddClass(CharClass.Digit, c == 'D');
                return;
            case 'w' or 'W':
                set.AddClass(CharClass.Word, c == 'W');
                return;
            case 'h' or 'H':
                set.AddClass(CharClass.HexDigit, c == 'H');
                return;
            case 'p' or 'P':
                AddProperty(set, c == 'P');
                return;
            case 'n':
                code = '\n';
                break;
            case 'r':
                code = '\r';
                break;
            case 't':
                code = '\t';
                break;
            case 'f':
                code = '\f';
                break;
            case 'v':
                code = '\v';
                break;
            case 'a':
                code = '\a';
                break;
            case 'e':
                code = 0x1B;
                break;
            case '0':
                code = 0;
                break;
            case 'x' when More && Peek == '{':
                var close = pattern.IndexOf('}', _at);
                code = close > 0 ? Hex(pattern[(_at + 1)..close]) : throw Error("has '\\x{' without '}'");
                _at = close + 1;
                break;
            case 'x':
                code = TakeHex(2);
                break;
            case 'u':
                code = TakeHex(4);
                break;
            default:
                if (char.IsAsciiLetterOrDigit(c))
                    throw Error($"has the unknown escape '\\{c}'");
                code = CodeFrom(c);
                break;
        }
        set.AddRange(code, code);
    }

    private int TakeHex(int digits)
    {
        if (_at + digits > pattern.Length)
            throw Error("ends within a hexadecimal escape");
        _at += digits;
        return Hex(pattern[(_at - digits).._at]);
    }

    private int Hex(string digits) =>
        int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && code is >= 0 and <= 0x10FFFF ? code : throw Error($"has no code point '{digits}'");

    private void AddProperty(CharSet set, bool negated)
    {
        string name;
        if (TryTake("{"))
        {
            var close = pattern.IndexOf('}', _at);
            if (close < 0)
                throw Error("has '\\p{' without '}'");
            name = pattern[_at..close];
            _at = close + 1;
        }
        else
        {
            name = More ? pattern[_at++].ToString() : "";
        }
        if (name.StartsWith('^'))
            (name, negated) = (name[1..], !negated);
        set.AddClass(CharClass.Named(name) ?? throw Error($"names the unknown property '{name}'"), negated);
    }

    /// <summary>Reads a set whose '[' has been taken.</summary>
    private CharSet Set()
    {
        if (++_depth > MaxNesting)
            throw Error("is nested too deep");
        var negated = TryTake("^");
        var set = new CharSet();
        var first = true;
        while (true)
        {
            if (!More)
                throw Error("has a '[' without its ']'");
            // As the first character of a set, ']' stands for itself.
            if (!first && TryTake("]"))
                break;
            if (TryTake("&&"))
            {
                set.Intersect(RestOfSet());
                break;
            }
            AddItem(set);
            first = false;
        }
        _depth--;
        return set.Close(negated, _ignoreCase);
    }

    /// <summary>Reads the right side of a <c>&amp;&amp;</c>, as if a new set had begun there.</summary>
    private CharSet RestOfSet()
    {
        var set = new CharSet();
        while (!TryTake("]"))
        {
            if (!More)
                throw Error("has a '[' without its ']'");
            AddItem(set);
        }
        return set.Close(negated: false, _ignoreCase);
    }

    private void AddItem(CharSet set)
    {
        int first;
        if (TryTake("[:"))
        {
            var close = pattern.IndexOf(":]", _at, StringComparison.Ordinal);
            if (close < 0)
                throw Error("has '[:' without ':]'");
            var name = pattern[_at..close];
            _at = close + 2;
            var negated = name.StartsWith('^');
            set.AddClass(CharClass.Named(negated ? name[1..] : name) ?? throw Error($"names the unknown class '{name}'"), negated);
            return;
        }
        if (TryTake("["))
        {
            set.AddNested(Set());
            return;
        }
        if (TryTake("\\"))
        {
            if (!More)
                throw Error("ends with a '\\'");
            if (Peek == 'b')
            {
                _at++;
                first = '\b';
            }
            else
            {
                var probe = new CharSet();
                AddEscape(probe, out first);
                if (first < 0)
                {
                    set.AddNested(probe.Close(negated: false, ignoreCase: false));
                    return;
                }
            }
        }
        else
        {
            first = CodeFrom(pattern[_at++]);
        }
        if (_at + 1 < pattern.Length && Peek == '-' && pattern[_at + 1] is not (']' or '['))
        {
            _at++;
            int last;
            if (TryTake("\\"))
                AddEscape(new CharSet(), out last);
            else
                last = CodeFrom(pattern[_at++]);
            if (last < first)
                throw Error("has a range whose end is before its start, or is no character");
            set.AddRange(first, last);
            return;
        }
        set.AddRange(first, first);
    }
}
