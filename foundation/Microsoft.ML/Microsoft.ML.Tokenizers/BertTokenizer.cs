using System.Buffers;

namespace Microsoft.ML.Tokenizers;

/// <summary>BERT's tokenizer: normalized text, words and punctuation, word pieces, special tokens around them.</summary>
public sealed class BertTokenizer : WordPieceTokenizer
{
    private BertTokenizer(WordPieceVocabulary vocabulary, BertOptions options) : base(vocabulary, options)
    {
        LowerCaseBeforeTokenization = options.LowerCaseBeforeTokenization;
        ApplyBasicTokenization = options.ApplyBasicTokenization;
        SplitOnSpecialTokens = options.SplitOnSpecialTokens;
        IndividuallyTokenizeCjk = options.IndividuallyTokenizeCjk;
        RemoveNonSpacingMarks = options.RemoveNonSpacingMarks;
        SeparatorToken = options.SeparatorToken;
        SeparatorTokenId = vocabulary.IdOf(options.SeparatorToken);
        PaddingToken = options.PaddingToken;
        PaddingTokenId = vocabulary.IdOf(options.PaddingToken);
        ClassificationToken = options.ClassificationToken;
        ClassificationTokenId = vocabulary.IdOf(options.ClassificationToken);
        MaskingToken = options.MaskingToken;
        MaskingTokenId = vocabulary.IdOf(options.MaskingToken);
    }

    public bool LowerCaseBeforeTokenization { get; }

    public bool ApplyBasicTokenization { get; }

    public bool SplitOnSpecialTokens { get; }

    public bool IndividuallyTokenizeCjk { get; }

    public bool RemoveNonSpacingMarks { get; }

    public string SeparatorToken { get; }

    public int SeparatorTokenId { get; }

    public string PaddingToken { get; }

    public int PaddingTokenId { get; }

    public string ClassificationToken { get; }

    public int ClassificationTokenId { get; }

    public string MaskingToken { get; }

    public int MaskingTokenId { get; }

    public static BertTokenizer Create(string vocabFilePath, BertOptions? options = null) => Create(WordPieceVocabulary.Read(vocabFilePath), options);

    public static BertTokenizer Create(Stream vocabStream, BertOptions? options = null) => Create(WordPieceVocabulary.Read(vocabStream), options);

    public static async Task<BertTokenizer> CreateAsync(string vocabFilePath, BertOptions? options = null, CancellationToken cancellationToken = default) =>
        Create(await WordPieceVocabulary.ReadAsync(vocabFilePath, cancellationToken).ConfigureAwait(false), options);

    public static async Task<BertTokenizer> CreateAsync(Stream vocabStream, BertOptions? options = null, CancellationToken cancellationToken = default) =>
        Create(await WordPieceVocabulary.ReadAsync(vocabStream, cancellationToken).ConfigureAwait(false), options);

    private static BertTokenizer Create(WordPieceVocabulary vocabulary, BertOptions? options)
    {
        options ??= new BertOptions();
        if (options.ApplyBasicTokenization)
            options.Normalizer ??= new BertNormalizer(options.LowerCaseBeforeTokenization, options.IndividuallyTokenizeCjk, options.RemoveNonSpacingMarks);
        IReadOnlyDictionary<string, int>? split = null;
        if (options.SplitOnSpecialTokens)
        {
            options.SpecialTokens ??= new[] { options.UnknownToken, options.SeparatorToken, options.PaddingToken, options.ClassificationToken, options.MaskingToken }
                .Distinct().ToDictionary(t => t, vocabulary.IdOf);
            split = Spellings(vocabulary, options.SpecialTokens, options.ApplyBasicTokenization && options.LowerCaseBeforeTokenization);
        }
        options.PreTokenizer ??= options.ApplyBasicTokenization ? PreTokenizer.CreateWordOrPunctuation(split) : PreTokenizer.CreateWhiteSpace();
        return new BertTokenizer(vocabulary, options);
    }

    /// <summary>The special tokens as they stand in normalized text; the vocabulary learns them in that spelling.</summary>
    private static Dictionary<string, int> Spellings(WordPieceVocabulary vocabulary, IReadOnlyDictionary<string, int> special, bool lowerCase)
    {
        var spellings = new Dictionary<string, int>();
        foreach (var (token, id) in special)
        {
            if (!vocabulary.TryGetId(token, out int known) || known != id)
                throw new ArgumentException($"The special token '{token}' is not in the vocabulary or assigned id value {known} different than the value {id} in the special tokens.");
            string spelling = lowerCase ? token.ToLowerInvariant() : token;
            vocabulary.AddSpelling(spelling, id);
            spellings[spelling] = id;
        }
        return spellings;
    }

    public new IReadOnlyList<int> EncodeToIds(string text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text, addSpecialTokens: true, considerPreTokenization, considerNormalization);

    public new IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text, addSpecialTokens: true, considerPreTokenization, considerNormalization);

    public IReadOnlyList<int> EncodeToIds(string text, bool addSpecialTokens, bool considerPreTokenization = true, bool considerNormalization = true) =>
        Around(base.EncodeToIds(text, considerPreTokenization, considerNormalization), addSpecialTokens);

    public IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, bool addSpecialTokens, bool considerPreTokenization = true, bool considerNormalization = true) =>
        Around(base.EncodeToIds(text, considerPreTokenization, considerNormalization), addSpecialTokens);

    public new IReadOnlyList<int> EncodeToIds(string text, int maxTokenCount, out string? normalizedText, out int charsConsumed, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text, maxTokenCount, addSpecialTokens: true, out normalizedText, out charsConsumed, considerPreTokenization, considerNormalization);

    public new IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, int maxTokenCount, out string? normalizedText, out int charsConsumed, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text, maxTokenCount, addSpecialTokens: true, out normalizedText, out charsConsumed, considerPreTokenization, considerNormalization);

    public IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, int maxTokenCount, bool addSpecialTokens, out string? normalizedText, out int charsConsumed, bool considerPreTokenization = true, bool considerNormalization = true) =>
        EncodeToIds(text.ToString(), maxTokenCount, addSpecialTokens, out normalizedText, out charsConsumed, considerPreTokenization, considerNormalization);

    public IReadOnlyList<int> EncodeToIds(string text, int maxTokenCount, bool addSpecialTokens, out string? normalizedText, out int charsConsumed, bool considerPreTokenization = true, bool considerNormalization = true)
    {
        if (addSpecialTokens && maxTokenCount < 2)
        {
            (normalizedText, charsConsumed) = (null, 0);
            return [];
        }
        return Around(base.EncodeToIds(text, addSpecialTokens ? maxTokenCount - 2 : maxTokenCount, out normalizedText, out charsConsumed, considerPreTokenization, considerNormalization), addSpecialTokens);
    }

    private IReadOnlyList<int> Around(IReadOnlyList<int> ids, bool addSpecialTokens) => addSpecialTokens ? BuildInputsWithSpecialTokens(ids) : ids;

    public IReadOnlyList<int> BuildInputsWithSpecialTokens(IEnumerable<int> tokenIds, IEnumerable<int>? additionalTokenIds = null)
    {
        ArgumentNullException.ThrowIfNull(tokenIds);
        List<int> all = [ClassificationTokenId, .. tokenIds, SeparatorTokenId];
        if (additionalTokenIds is not null)
            all.AddRange([.. additionalTokenIds, SeparatorTokenId]);
        return all;
    }

    public OperationStatus BuildInputsWithSpecialTokens(IEnumerable<int> tokenIds, Span<int> destination, out int valuesWritten, IEnumerable<int>? additionalTokenIds = null) =>
        Write(BuildInputsWithSpecialTokens(tokenIds, additionalTokenIds), destination, out valuesWritten);

    /// <summary>1 for special tokens, those that are there or those that would be added; 0 for all others.</summary>
    public IReadOnlyList<int> GetSpecialTokensMask(IEnumerable<int> tokenIds, IEnumerable<int>? additionalTokenIds = null, bool alreadyHasSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(tokenIds);
        if (alreadyHasSpecialTokens)
            return [.. tokenIds.Concat(additionalTokenIds ?? []).Select(id => IsSpecial(id) ? 1 : 0)];
        List<int> mask = [1, .. tokenIds.Select(_ => 0), 1];
        if (additionalTokenIds is not null)
            mask.AddRange([.. additionalTokenIds.Select(_ => 0), 1]);
        return mask;
    }

    public OperationStatus GetSpecialTokensMask(IEnumerable<int> tokenIds, Span<int> destination, out int valuesWritten, IEnumerable<int>? additionalTokenIds = null, bool alreadyHasSpecialTokens = false) =>
        Write(GetSpecialTokensMask(tokenIds, additionalTokenIds, alreadyHasSpecialTokens), destination, out valuesWritten);

    private bool IsSpecial(int id) =>
        id == ClassificationTokenId || id == SeparatorTokenId || id == PaddingTokenId || id == MaskingTokenId || id == UnknownTokenId;

    /// <summary>0 for the first text with its two special tokens, 1 for the second with its one.</summary>
    public IReadOnlyList<int> CreateTokenTypeIdsFromSequences(IEnumerable<int> tokenIds, IEnumerable<int>? additionalTokenIds = null)
    {
        ArgumentNullException.ThrowIfNull(tokenIds);
        List<int> types = [0, .. tokenIds.Select(_ => 0), 0];
        if (additionalTokenIds is not null)
            types.AddRange([.. additionalTokenIds.Select(_ => 1), 1]);
        return types;
    }

    public OperationStatus CreateTokenTypeIdsFromSequences(IEnumerable<int> tokenIds, Span<int> destination, out int valuesWritten, IEnumerable<int>? additionalTokenIds = null) =>
        Write(CreateTokenTypeIdsFromSequences(tokenIds, additionalTokenIds), destination, out valuesWritten);

    private static OperationStatus Write(IReadOnlyList<int> values, Span<int> destination, out int valuesWritten)
    {
        valuesWritten = 0;
        if (destination.Length < values.Count)
            return OperationStatus.DestinationTooSmall;
        foreach (int value in values)
            destination[valuesWritten++] = value;
        return OperationStatus.Done;
    }
}
