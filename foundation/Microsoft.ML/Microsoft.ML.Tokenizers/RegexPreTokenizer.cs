using System.Text.RegularExpressions;

namespace Microsoft.ML.Tokenizers;

/// <summary>The matches of a pattern; special tokens are pieces of their own, found first.</summary>
public sealed class RegexPreTokenizer : PreTokenizer
{
    private readonly Regex _regex;
    private readonly Regex? _special;

    public RegexPreTokenizer(Regex regex, IReadOnlyDictionary<string, int>? specialTokens)
    {
        ArgumentNullException.ThrowIfNull(regex);
        _regex = regex;
        if (specialTokens is { Count: > 0 })
            _special = new Regex(string.Join('|', specialTokens.Keys.Select(Regex.Escape)));
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => string.IsNullOrEmpty(text) ? [] : Split(text);

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => Split(text);

    private List<(int Offset, int Length)> Split(ReadOnlySpan<char> text)
    {
        var pieces = new List<(int Offset, int Length)>();
        int start = 0;
        if (_special is not null)
        {
            foreach (var found in _special.EnumerateMatches(text))
            {
                AddMatches(text[start..found.Index], start, pieces);
                pieces.Add((found.Index, found.Length));
                start = found.Index + found.Length;
            }
        }
        AddMatches(text[start..], start, pieces);
        return pieces;
    }

    private void AddMatches(ReadOnlySpan<char> text, int offset, List<(int Offset, int Length)> pieces)
    {
        foreach (var found in _regex.EnumerateMatches(text))
        {
            if (found.Length > 0)
                pieces.Add((offset + found.Index, found.Length));
        }
    }
}
