using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Cuts a template into tokens, with the white-space rules that chat templates are rendered under.</summary>
/// <remarks>
/// A block or comment swallows the line end after it and the blanks before it on its line; <c>-</c> swallows all white space
/// on its side, <c>+</c> none. One line end at the end of the template is dropped.
/// </remarks>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|"];

    private readonly string _text;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;
    private bool _lineStarts = true;

    private TemplateLexer(string text)
    {
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _text = text.EndsWith('\n') ? text[..^1] : text;
    }

    public static List<TemplateToken> Read(string text)
    {
        var lexer = new TemplateLexer(text);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_at < _text.Length)
        {
            var tag = NextTag(_at);
            AddData(_at, tag);
            if (tag == _text.Length)
                break;
            _at = tag + 2;
            var sign = _at < _text.Length && _text[_at] is '-' or '+';
            if (sign)
                _at++;
            switch (_text[tag + 1])
            {
                case '#':
                    var close = _text.IndexOf("#}", _at, StringComparison.Ordinal);
                    if (close < 0)
                        throw Error("a comment has no end");
                    Advance(close + 2);
                    AfterTag(close - 1, trimsLine: true);
                    break;
                case '{':
                    Add(TokenKind.PrintStart, "{{");
                    Inside("}}", TokenKind.PrintEnd);
                    break;
                default:
                    Add(TokenKind.BlockStart, "{%");
                    Inside("%}", TokenKind.BlockEnd);
                    TakeRaw();
                    break;
            }
        }
        Add(TokenKind.End, "");
    }

    private int NextTag(int from)
    {
        for (var i = from; i + 1 < _text.Length; i++)
        {
            if (_text[i] == '{' && _text[i + 1] is '{' or '%' or '#')
                return i;
        }
        return _text.Length;
    }

    /// <summary>Adds the text up to a tag, less the white space that the tag swallows.</summary>
    private void AddData(int from, int to)
    {
        var end = to;
        if (to < _text.Length)
        {
            var sign = to + 2 < _text.Length ? _text[to + 2] : ' ';
            if (sign == '-')
            {
                while (end > from && char.IsWhiteSpace(_text[end - 1]))
                    end--;
            }
            else if (sign != '+' && _text[to + 1] != '{')
            {
                var start = end;
                while (start > from && _text[start - 1] is ' ' or '\t')
                    start--;
                if (start > from ? _text[start - 1] == '\n' : _lineStarts)
                    end = start;
            }
        }
        if (end > from)
            Add(TokenKind.Data, _text[from..end]);
        Advance(to);
    }

    /// <summary>Swallows what the end of a tag swallows; <paramref name="sign"/> is where its sign would stand.</summary>
    private void AfterTag(int sign, bool trimsLine)
    {
        _lineStarts = false;
        if (_text[sign] == '-')
        {
            var end = _at;
            while (end < _text.Length && char.IsWhiteSpace(_text[end]))
                end++;
            _lineStarts = end > _at && _text[end - 1] == '\n';
            Advance(end);
        }
        else if (trimsLine && _text[sign] != '+' && _at < _text.Length && _text[_at] == '\n')
        {
            Advance(_at + 1);
            _lineStarts = true;
        }
    }

    private void Inside(string close, TokenKind end)
    {
        var open = new Stack<char>();
        while (true)
        {
            while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
                Advance(_at + 1);
            if (_at >= _text.Length)
                throw Error($"a tag has no '{close}'");
            if (open.Count == 0)
            {
                var signed = _text[_at] is '-' or '+' && string.CompareOrdinal(_text, _at + 1, close, 0, 2) == 0;
                if (signed || string.CompareOrdinal(_text, _at, close, 0, 2) == 0)
                {
                    _at += signed ? 3 : 2;
                    Add(end, close);
                    AfterTag(_at - 3, trimsLine: end == TokenKind.BlockEnd);
                    return;
                }
            }
            var c = _text[_at];
            if (c is '(' or '[' or '{')
                open.Push(c);
            else if (c is ')' or ']' or '}' && open.Count > 0)
                open.Pop();
            TakeToken();
        }
    }

    private void TakeToken()
    {
        var c = _text[_at];
        if (c is '\'' or '"')
        {
            TakeText(c);
            return;
        }
        var start = _at;
        if (char.IsLetter(c) || c == '_')
        {
            while (_at < _text.Length && (char.IsLetterOrDigit(_text[_at]) || _text[_at] == '_'))
                _at++;
            Add(TokenKind.Name, _text[start.._at]);
            return;
        }
        if (char.IsAsciiDigit(c))
        {
            while (_at < _text.Length && (char.IsAsciiDigit(_text[_at]) || _text[_at] == '_'))
                _at++;
            var isWhole = true;
            if (_at + 1 < _text.Length && _text[_at] == '.' && char.IsAsciiDigit(_text[_at + 1]))
            {
                isWhole = false;
                _at++;
                while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
                    _at++;
            }
            var exponent = _at < _text.Length && _text[_at] is 'e' or 'E' ? _at + 1 : -1;
            if (exponent > 0 && exponent < _text.Length && _text[exponent] is '+' or '-')
                exponent++;
            if (exponent > 0 && exponent < _text.Length && char.IsAsciiDigit(_text[exponent]))
            {
                isWhole = false;
                for (_at = exponent; _at < _text.Length && char.IsAsciiDigit(_text[_at]);)
                    _at++;
            }
            Add(isWhole ? TokenKind.Integer : TokenKind.Number, _text[start.._at].Replace("_", "", StringComparison.Ordinal));
            return;
        }
        foreach (var op in Operators)
        {
            if (string.CompareOrdinal(_text, _at, op, 0, op.Length) == 0)
            {
                _at += op.Length;
                Add(TokenKind.Operator, op);
                return;
            }
        }
        throw Error($"the character '{c}' is not expected in a tag");
    }

    private void TakeText(char quote)
    {
        var text = new StringBuilder();
        var line = _line;
        for (_at++; ; _at++)
        {
            if (_at >= _text.Length)
                throw Error("a text has no closing quote");
            var c = _text[_at];
            if (c == quote)
                break;
            if (c == '\n')
                _line++;
            if (c != '\\' || _at + 1 >= _text.Length)
            {
                text.Append(c);
                continue;
            }
            c = _text[++_at];
            switch (c)
            {
                case 'n':
                    text.Append('\n');
                    break;
                case 't':
                    text.Append('\t');
                    break;
                case 'r':
                    text.Append('\r');
                    break;
                case '\\' or '\'' or '"':
                    text.Append(c);
                    break;
                case 'u' when _at + 4 < _text.Length && ushort.TryParse(_text.AsSpan(_at + 1, 4), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var code):
                    text.Append((char)code);
                    _at += 4;
                    break;
                default:
                    text.Append('\\').Append(c);
                    break;
            }
        }
        _at++;
        _tokens.Add(new TemplateToken(TokenKind.Text, text.ToString(), line));
    }

    /// <summary>After <c>{% raw %}</c> everything up to <c>{% endraw %}</c> is data.</summary>
    private void TakeRaw()
    {
        if (_tokens.Count < 3 || !_tokens[^2].Is("raw") || _tokens[^3].Kind != TokenKind.BlockStart)
            return;
        _tokens.RemoveRange(_tokens.Count - 3, 3);
        for (var from = _at; ; from++)
        {
            from = _text.IndexOf("{%", from, StringComparison.Ordinal);
            if (from < 0)
                throw Error("{% raw %} has no {% endraw %}");
            var name = from + 2;
            while (name < _text.Length && (_text[name] is '-' or '+' || char.IsWhiteSpace(_text[name])))
                name++;
            if (string.CompareOrdinal(_text, name, "endraw", 0, 6) != 0)
                continue;
            var close = _text.IndexOf("%}", name, StringComparison.Ordinal);
            if (close < 0)
                throw Error("{% endraw %} has no end");
            AddData(_at, from);
            Advance(close + 2);
            AfterTag(close - 1, trimsLine: true);
            return;
        }
    }

    private void Add(TokenKind kind, string value) => _tokens.Add(new TemplateToken(kind, value, _line));

    private void Advance(int to)
    {
        for (; _at < to; _at++)
        {
            if (_text[_at] == '\n')
                _line++;
        }
    }

    private FormatException Error(string what) => new($"line {_line}: {what}.");
}
