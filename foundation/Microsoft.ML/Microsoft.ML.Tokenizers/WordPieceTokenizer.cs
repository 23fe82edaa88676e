using System.Buffers;
using System.Text;

namespace Microsoft.ML.Tokenizers;

/// <summary>Splits each word into the longest pieces of the vocabulary, from its start on.</summary>
public class WordPieceTokenizer : Tokenizer
{
    private readonly WordPieceVocabulary _vocabulary;
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer _preTokenizer;
    private readonly HashSet<int>? _specialIds;

    internal WordPieceTokenizer(WordPieceVocabulary vocabulary, WordPieceOptions? options)
    {
        options ??= new WordPieceOptions();
        ArgumentNullException.ThrowIfNull(options.UnknownToken);
        ArgumentNullException.ThrowIfNull(options.ContinuingSubwordPrefix);
        if (options.MaxInputCharsPerWord <= 0)
            throw new ArgumentOutOfRangeException(nameof(options.MaxInputCharsPerWord), "The maximum number of characters per word must be greater than zero.");
        if (!vocabulary.TryGetId(options.UnknownToken, out int unknown))
            throw new ArgumentException($"The unknown token '{options.UnknownToken}' is not in the vocabulary.");
        _vocabulary = vocabulary;
        UnknownToken = options.UnknownToken;
        UnknownTokenId = unknown;
        ContinuingSubwordPrefix = options.ContinuingSubwordPrefix;
        MaxInputCharsPerWord = options.MaxInputCharsPerWord;
        SpecialTokens = options.SpecialTokens;
        _specialIds = SpecialTokens?.Values.ToHashSet();
        _preTokenizer = options.PreTokenizer ?? PreTokenizer.CreateWhiteSpace(options.SpecialTokens);
        _normalizer = options.Normalizer;
    }

    public string UnknownToken { get; }

    public int UnknownTokenId { get; }

    public string ContinuingSubwordPrefix { get; }

    public int MaxInputCharsPerWord { get; }

    public IReadOnlyDictionary<string, int>? SpecialTokens { get; }

    public override PreTokenizer? PreTokenizer => _preTokenizer;

    public override Normalizer? Normalizer => _normalizer;

    public static WordPieceTokenizer Create(string vocabFilePath, WordPieceOptions? options = null) => new(WordPieceVocabulary.Read(vocabFilePath), options);

    public static WordPieceTokenizer Create(Stream vocabStream, WordPieceOptions? options = null) => new(WordPieceVocabulary.Read(vocabStream), options);

    public static async Task<WordPieceTokenizer> CreateAsync(string vocabFilePath, WordPieceOptions? options = null, CancellationToken cancellationToken = default) =>
        new(await WordPieceVocabulary.ReadAsync(vocabFilePath, cancellationToken).ConfigureAwait(false), options);

    public static async Task<WordPieceTokenizer> CreateAsync(Stream vocabStream, WordPieceOptions? options = null, CancellationToken cancellationToken = default) =>
        new(await WordPieceVocabulary.ReadAsync(vocabStream, cancellationToken).ConfigureAwait(false), options);

    /// <summary>The text to encode and where its words stand.</summary>
    private (string Text, string? Normalized, List<(int Offset, int Length)> Words) Prepare(string? text, ReadOnlySpan<char> span, EncodeSettings settings)
    {
        string given = text ?? span.ToString();
        string? normalized = settings.ConsiderNormalization && given.Length > 0 ? _normalizer?.Normalize(given) : null;
        string used = normalized ?? given;
        List<(int, int)> words = settings.ConsiderPreTokenization ? [.. _preTokenizer.PreTokenize(used)] : used.Length > 0 ? [(0, used.Length)] : [];
        return (used, normalized, words);
    }

    /// <summary>Adds a word's pieces, or the unknown token.</summary>
    private void Add(string text, int offset, int length, List<EncodedToken> tokens)
    {
        int before = tokens.Count;
        if (length <= MaxInputCharsPerWord)
        {
            Span<char> buffer = new char[ContinuingSubwordPrefix.Length + length];
            ContinuingSubwordPrefix.CopyTo(buffer);
            int start = 0;
            while (start < length && Longest(text.AsSpan(offset + start, length - start), start > 0, buffer, out int id) is var found and > 0)
            {
                _vocabulary.TryGetPiece(id, out string? piece);
                tokens.Add(new EncodedToken(id, piece!, (offset + start)..(offset + start + found)));
                start += found;
            }
            if (start == length)
                return;
            tokens.RemoveRange(before, tokens.Count - before);
        }
        tokens.Add(new EncodedToken(UnknownTokenId, UnknownToken, offset..(offset + length)));
    }

    private int Longest(ReadOnlySpan<char> rest, bool continues, Span<char> buffer, out int id)
    {
        int prefix = ContinuingSubwordPrefix.Length;
        if (continues)
            rest.CopyTo(buffer[prefix..]);
        for (int length = rest.Length; length > 0; length--)
        {
            if (_vocabulary.TryGetId(continues ? buffer[..(prefix + length)] : rest[..length], out id))
                return length;
        }
        id = UnknownTokenId;
        return 0;
    }

    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var (used, normalized, words) = Prepare(text, textSpan, settings);
        var tokens = new List<EncodedToken>();
        foreach (var (offset, length) in words)
            Add(used, offset, length, tokens);
        return new EncodeResults<EncodedToken> { NormalizedText = normalized, Tokens = tokens, CharsConsumed = used.Length };
    }

    /// <summary>Whole words only, as long as all their ids fit.</summary>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        if (settings.MaxTokenCount <= 0)
            throw new ArgumentOutOfRangeException(nameof(settings.MaxTokenCount), "The maximum number of tokens must be greater than zero.");
        var (used, normalized, words) = Prepare(text, textSpan, settings);
        var ids = new List<int>();
        var word = new List<EncodedToken>();
        int consumed = 0;
        foreach (var (offset, length) in words)
        {
            word.Clear();
            Add(used, offset, length, word);
            if (ids.Count + word.Count > settings.MaxTokenCount)
                break;
            ids.AddRange(word.Select(t => t.Id));
            // As in the real library, the word that fills the last place is not counted as consumed.
            if (ids.Count >= settings.MaxTokenCount)
                break;
            consumed = offset + length;
        }
        return new EncodeResults<int> { NormalizedText = normalized, Tokens = ids, CharsConsumed = consumed };
    }

    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) => EncodeToIds(text, textSpan, settings).Tokens.Count;

    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd, out string? normalizedText, out int tokenCount)
    {
        if (settings.MaxTokenCount <= 0)
            throw new ArgumentOutOfRangeException(nameof(settings.MaxTokenCount), "The max token count must be greater than 0.");
        var (used, normalized, words) = Prepare(text, textSpan, settings);
        normalizedText = normalized;
        tokenCount = 0;
        if (fromEnd)
            words.Reverse();
        var word = new List<EncodedToken>();
        foreach (var (offset, length) in words)
        {
            word.Clear();
            Add(used, offset, length, word);
            if (tokenCount + word.Count > settings.MaxTokenCount)
                return fromEnd ? offset + length : offset;
            tokenCount += word.Count;
        }
        return fromEnd ? 0 : used.Length;
    }

    public override string Decode(IEnumerable<int> ids) => Decode(ids, skipSpecialTokens: false);

    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var text = new StringBuilder();
        bool first = true;
        foreach (int id in ids)
        {
            if (skipSpecialTokens && _specialIds?.Contains(id) == true)
                continue;
            if (_vocabulary.TryGetPiece(id, out string? piece))
            {
                bool continues = piece.StartsWith(ContinuingSubwordPrefix, StringComparison.Ordinal);
                if (!continues && !first && piece[0] is not ('.' or ',' or '!' or '?' or '\''))
                    text.Append(' ');
                text.Append(continues ? piece.AsSpan(ContinuingSubwordPrefix.Length) : piece);
            }
            first = false;
        }
        return text.ToString();
    }

    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten) =>
        Decode(ids, destination, skipSpecialTokens: false, out idsConsumed, out charsWritten);

    public OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, bool skipSpecialTokens, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        idsConsumed = 0;
        charsWritten = 0;
        foreach (int id in ids)
        {
            if (skipSpecialTokens && _specialIds?.Contains(id) == true)
                continue;
            if (!_vocabulary.TryGetPiece(id, out string? piece))
                return OperationStatus.InvalidData;
            // Unlike the text, every new word gets its space here, as in the real library.
            bool continues = piece.StartsWith(ContinuingSubwordPrefix, StringComparison.Ordinal);
            string next = continues ? piece[ContinuingSubwordPrefix.Length..] : idsConsumed > 0 ? " " + piece : piece;
            if (!next.AsSpan().TryCopyTo(destination[charsWritten..]))
                return OperationStatus.DestinationTooSmall;
            charsWritten += next.Length;
            idsConsumed++;
        }
        return OperationStatus.Done;
    }
}
