using System.Buffers;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Models;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>A token that is cut out of the text before the model sees it.</summary>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special);

/// <summary>The added tokens of a tokenizer.</summary>
internal sealed class AddedTokens
{
    private const int MaxTokens = 100_000;
    private const int MaxLength = 4096;

    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<string, AddedToken> _byContent = new(StringComparer.Ordinal);

    /// <summary>Those that are looked for in the text as it was given.</summary>
    public AddedTokenFinder Raw { get; private set; } = new([]);

    /// <summary>Those that are looked for after normalization.</summary>
    public AddedTokenFinder Normalized { get; private set; } = new([]);

    /// <summary>One more than the largest id; 0 without tokens.</summary>
    public int IdLimit { get; private set; }

    public IEnumerable<AddedToken> All => _byId.Values;

    public bool TryGetId(string content, out int id)
    {
        var found = _byContent.TryGetValue(content, out var token);
        id = token?.Id ?? 0;
        return found;
    }

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    /// <summary>Reads the <c>added_tokens</c> of a tokenizer file.</summary>
    /// <param name="json">The array; may be missing.</param>
    /// <param name="vocabulary">The model's tokens, whose ids must agree.</param>
    /// <param name="normalize">The tokenizer's normalizer.</param>
    public static AddedTokens Read(JsonPart json, Vocabulary vocabulary, Func<string, string> normalize)
    {
        var tokens = new AddedTokens();
        if (json.IsNull)
            return tokens;
        if (json.Count > MaxTokens)
            throw json.Error($"has {json.Count} tokens; at most {MaxTokens} are allowed.", ModelFormatError.LimitExceeded);
        foreach (var item in json.Elements())
        {
            tokens.Add(item, vocabulary, new AddedToken(
                item.Get("id").Int(), item.Get("content").String(), item.Get("single_word").Bool(false), item.Get("lstrip").Bool(false),
                item.Get("rstrip").Bool(false), item.Get("normalized").Bool(!item.Get("special").Bool(false)), item.Get("special").Bool(false)));
        }
        tokens.Raw = new AddedTokenFinder(tokens.All.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        tokens.Normalized = new AddedTokenFinder(tokens.All.Where(t => t.Normalized).Select(t => (normalize(t.Content), t)));
        return tokens;
    }

    private void Add(JsonPart item, Vocabulary vocabulary, AddedToken token)
    {
        var shown = Vocabulary.Shown(token.Content);
        if (token.Id is < 0 or >= Vocabulary.MaxTokens)
            throw item.Error($"gives '{shown}' the id {token.Id}; ids from 0 to {Vocabulary.MaxTokens - 1} are allowed.", ModelFormatError.VocabMismatch);
        if (token.Content.Length > MaxLength)
            throw item.Error($"has {token.Content.Length} characters; at most {MaxLength} are allowed.", ModelFormatError.LimitExceeded);
        if (vocabulary.TryGetId(token.Content, out var id) && id != token.Id)
            throw item.Error($"gives '{shown}' the id {token.Id}, and the vocabulary gives it {id}.", ModelFormatError.VocabMismatch);
        if (vocabulary.TokenOf(token.Id) is { } other && other != token.Content)
            throw item.Error($"gives '{shown}' the id {token.Id}, which the vocabulary gives to '{Vocabulary.Shown(other)}'.", ModelFormatError.VocabMismatch);
        if (!_byId.TryAdd(token.Id, token) || !_byContent.TryAdd(token.Content, token))
            throw item.Error($"repeats '{shown}' or its id {token.Id}.", ModelFormatError.VocabMismatch);
        IdLimit = Math.Max(IdLimit, token.Id + 1);
    }
}

/// <summary>Finds added tokens in a text: the leftmost, then the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly CharTrie _trie = new();
    private readonly AddedToken[] _tokens;
    private readonly SearchValues<char> _starts;

    public AddedTokenFinder(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        var list = new List<AddedToken>();
        var starts = new HashSet<char>();
        foreach (var (text, token) in tokens)
        {
            if (text.Length == 0)
                continue;
            _trie.Add(text, list.Count);
            list.Add(token);
            starts.Add(text[0]);
        }
        _tokens = [.. list];
        _starts = SearchValues.Create([.. starts]);
    }

    public bool IsEmpty => _tokens.Length == 0;

    /// <summary>The next token at or after <paramref name="search"/>, widened over the blanks that it swallows.</summary>
    /// <param name="text">The text.</param>
    /// <param name="search">Where to look from; set to the end of what was looked at.</param>
    /// <param name="taken">End of the token before, which a token may not reach back over.</param>
    /// <param name="start">First unit of the token.</param>
    /// <param name="stop">Unit after the token.</param>
    public AddedToken? Next(ReadOnlySpan<char> text, ref int search, int taken, out int start, out int stop)
    {
        while (search < text.Length)
        {
            var skip = text[search..].IndexOfAny(_starts);
            if (skip < 0)
                break;
            search += skip;
            var (value, length) = Longest(text[search..]);
            if (value == CharTrie.None)
            {
                search++;
                continue;
            }
            (start, stop) = (search, search + length);
            search = stop;
            var token = _tokens[value];
            if (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[stop..])))
                continue;
            if (token.LeftStrip)
            {
                while (start > taken && CharKinds.IsSpace(text[start - 1]))
                    start--;
            }
            if (token.RightStrip)
            {
                while (stop < text.Length && CharKinds.IsSpace(text[stop]))
                    stop++;
                search = stop;
            }
            return token;
        }
        (start, stop) = (text.Length, text.Length);
        search = text.Length;
        return null;
    }

    private (int Value, int Length) Longest(ReadOnlySpan<char> text)
    {
        var (best, length) = (CharTrie.None, 0);
        var node = CharTrie.Root;
        for (var i = 0; i < text.Length; i++)
        {
            node = _trie.Step(node, text[i]);
            if (node == CharTrie.None)
                break;
            if (_trie.Value(node) != CharTrie.None)
                (best, length) = (_trie.Value(node), i + 1);
        }
        return (best, length);
    }

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        text.Length > 0 && CharKinds.IsWord(text.Length > 1 && char.IsSurrogatePair(text[0], text[1]) ? char.ConvertToUtf32(text[0], text[1]) : text[0]);

    private static bool EndsWithWord(ReadOnlySpan<char> text) =>
        text.Length > 0 && CharKinds.IsWord(text.Length > 1 && char.IsSurrogatePair(text[^2], text[^1]) ? char.ConvertToUtf32(text[^2], text[^1]) : text[^1]);
}
