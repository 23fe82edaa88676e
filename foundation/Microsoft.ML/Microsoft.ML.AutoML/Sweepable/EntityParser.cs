using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Reads names joined by <c>*</c> and <c>+</c>, with parentheses; <c>*</c> binds closer.</summary>
internal ref struct EntityParser(string text)
{
    // Deeper nesting than any pipeline has; the text may come from a checkpoint.
    private const int DeepestNesting = 100;

    private readonly ReadOnlySpan<char> _text = text;
    private int _at;
    private int _depth;

    public Entity Parse()
    {
        var entity = Sum();
        return _at == _text.Length ? entity : throw Unexpected();
    }

    private Entity Sum()
    {
        if (++_depth > DeepestNesting)
            throw Unexpected();
        var entity = Product();
        while (Take('+'))
            entity += Product();
        _depth--;
        return entity;
    }

    private Entity Product()
    {
        var entity = Factor();
        while (Take('*'))
            entity *= Factor();
        return entity;
    }

    private Entity Factor()
    {
        if (Take('('))
        {
            var inner = Sum();
            return Take(')') ? inner : throw Unexpected();
        }
        SkipSpace();
        int start = _at;
        while (_at < _text.Length && (char.IsLetterOrDigit(_text[_at]) || _text[_at] == '_'))
            _at++;
        string name = _text[start.._at].ToString();
        SkipSpace();
        return name.Length > 0 ? new NameEntity(name) : throw Unexpected();
    }

    private bool Take(char c)
    {
        SkipSpace();
        if (_at == _text.Length || _text[_at] != c)
            return false;
        _at++;
        SkipSpace();
        return true;
    }

    private void SkipSpace()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private readonly Exception Unexpected() =>
        Contracts.ExceptParam("expression", $"'{_text}' is no pipeline expression: unexpected text at {_at}. It must be names joined by '*' and '+', with parentheses.");
}
