using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Tokens and their ids, both ways.</summary>
internal sealed class Vocabulary
{
    /// <summary>Most tokens that a file may hold; also the bound of an id, since ids index the rows of an embedding.</summary>
    public const int MaxTokens = 2_000_000;

    private readonly Dictionary<string, int> _idOf;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOfSpan;
    private string?[] _tokenOf;

    private Vocabulary(int capacity)
    {
        _idOf = new Dictionary<string, int>(capacity, StringComparer.Ordinal);
        _idOfSpan = _idOf.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokenOf = new string?[capacity];
    }

    /// <summary>Number of tokens.</summary>
    public int Count => _idOf.Count;

    /// <summary>One more than the largest id.</summary>
    public int IdLimit { get; private set; }

    public IReadOnlyDictionary<string, int> Ids => _idOf;

    public bool TryGetId(string token, out int id) => _idOf.TryGetValue(token, out id);

    public bool TryGetId(ReadOnlySpan<char> token, out int id) => _idOfSpan.TryGetValue(token, out id);

    /// <summary>The token of an id, or null.</summary>
    public string? TokenOf(int id) => (uint)id < (uint)_tokenOf.Length ? _tokenOf[id] : null;

    /// <summary>Reads an object of tokens and ids.</summary>
    public static Vocabulary Read(JsonPart json)
    {
        var vocabulary = new Vocabulary(1024);
        foreach (var (token, id) in json.Properties())
            vocabulary.Add(json, token, id.Int());
        return vocabulary;
    }

    /// <summary>Numbers tokens in their order.</summary>
    public static Vocabulary Of(JsonPart json, IReadOnlyList<string> tokens)
    {
        var vocabulary = new Vocabulary(tokens.Count);
        for (var i = 0; i < tokens.Count; i++)
            vocabulary.Add(json, tokens[i], i);
        return vocabulary;
    }

    private void Add(JsonPart json, string token, int id)
    {
        if (id is < 0 or >= MaxTokens)
            throw json.Error($"gives '{Shown(token)}' the id {id}; ids from 0 to {MaxTokens - 1} are allowed.", ModelFormatError.VocabMismatch);
        if (Count >= MaxTokens)
            throw json.Error($"has more than {MaxTokens} tokens.", ModelFormatError.LimitExceeded);
        if (id >= _tokenOf.Length)
            Array.Resize(ref _tokenOf, Math.Min(MaxTokens, Math.Max(id + 1, _tokenOf.Length * 2)));
        if (_tokenOf[id] is { } other)
            throw json.Error($"gives the id {id} to both '{Shown(other)}' and '{Shown(token)}'.", ModelFormatError.VocabMismatch);
        if (!_idOf.TryAdd(token, id))
            throw json.Error($"has the token '{Shown(token)}' twice.", ModelFormatError.VocabMismatch);
        _tokenOf[id] = token;
        IdLimit = Math.Max(IdLimit, id + 1);
    }

    public static string Shown(string token) => token.Length <= 40 ? token : token[..40] + "…";
}
