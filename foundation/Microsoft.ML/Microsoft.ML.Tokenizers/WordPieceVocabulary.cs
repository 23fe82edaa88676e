using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Tokenizers;

/// <summary>The pieces of a vocabulary file: one a line, the line's number is its id.</summary>
internal sealed class WordPieceVocabulary
{
    private readonly Dictionary<string, int> _ids = [];
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsOfSpans;
    private readonly Dictionary<int, string> _pieces = [];

    private WordPieceVocabulary() => _idsOfSpans = _ids.GetAlternateLookup<ReadOnlySpan<char>>();

    public static WordPieceVocabulary Read(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        using var stream = File.OpenRead(file);
        return Read(stream);
    }

    public static WordPieceVocabulary Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var vocabulary = new WordPieceVocabulary();
        using var reader = new StreamReader(stream, leaveOpen: true);
        for (int id = 0; reader.ReadLine() is { } piece; id++)
            vocabulary.Add(piece, id);
        return vocabulary;
    }

    public static async Task<WordPieceVocabulary> ReadAsync(string file, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        await using var stream = File.OpenRead(file);
        return await ReadAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    public static async Task<WordPieceVocabulary> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var vocabulary = new WordPieceVocabulary();
        using var reader = new StreamReader(stream, leaveOpen: true);
        for (int id = 0; await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } piece; id++)
            vocabulary.Add(piece, id);
        return vocabulary;
    }

    private void Add(string piece, int id)
    {
        if (piece.Length == 0)
            return;
        _ids.Add(piece, id);
        _pieces.Add(id, piece);
    }

    /// <summary>Another way to write a piece.</summary>
    public void AddSpelling(string text, int id) => _ids[text] = id;

    public bool TryGetId(ReadOnlySpan<char> piece, out int id) => _idsOfSpans.TryGetValue(piece, out id);

    public bool TryGetPiece(int id, [NotNullWhen(true)] out string? piece) => _pieces.TryGetValue(id, out piece);

    /// <summary>The id of a token that must be there.</summary>
    public int IdOf(string token) => token is not null && _ids.TryGetValue(token, out int id)
        ? id : throw new ArgumentException($"The special token '{token}' is not in the vocabulary.");
}
