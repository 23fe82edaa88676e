using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Byte-pair encoding: a piece starts as its characters, and ranked rules join neighbours until none applies.</summary>
internal sealed class BytePair : TokenModel
{
    private const int MaxMerges = 4_000_000;

    private readonly BytePairSettings _settings;
    private readonly PairTable _merges;
    private readonly int[] _byteIds = new int[256];
    private readonly Dictionary<int, int>[] _charIds = [[], [], [], []];
    private readonly int _unknown;
    private readonly PieceCache _cache = new();

    /// <summary>Builds the model.</summary>
    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="merges">The rules, best first, as pairs of tokens.</param>
    /// <param name="settings">The rest.</param>
    /// <param name="json">Where it comes from, for messages.</param>
    public BytePair(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> merges, BytePairSettings settings, JsonPart json)
        : base(vocabulary)
    {
        _settings = settings;
        _unknown = settings.UnknownToken != null && vocabulary.TryGetId(settings.UnknownToken, out var unknown) ? unknown : -1;
        for (var value = 0; value < 256; value++)
            _byteIds[value] = vocabulary.TryGetId(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id) ? id : -1;
        FindCharacters();
        _merges = new PairTable(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            var joined = left + (settings.Prefix.Length > 0 && right.StartsWith(settings.Prefix, StringComparison.Ordinal) ? right[settings.Prefix.Length..] : right);
            _merges.Set(IdOf(json, rank, left), IdOf(json, rank, right), rank, IdOf(json, rank, joined));
        }
    }

    public static new BytePair Read(JsonPart json)
    {
        // Dropout makes training text vary and does not apply when a tokenizer is used.
        var settings = new BytePairSettings(
            json.Get("unk_token").StringOrNull(), json.Get("continuing_subword_prefix").String(""), json.Get("end_of_word_suffix").String(""),
            json.Get("fuse_unk").Bool(false), json.Get("byte_fallback").Bool(false), json.Get("ignore_merges").Bool(false));
        return new BytePair(Vocabulary.Read(json.Get("vocab")), ReadMerges(json.Get("merges")), settings, json.Get("merges"));
    }

    public override void Tokenize(TextBuffer text, int start, int end, TokenSink sink)
    {
        var piece = text.Text[start..end];
        var slot = -1;
        if (piece.Length <= PieceCache.LongestPiece)
        {
            if (_cache.Find(piece, out slot) is { } known)
            {
                for (var i = 0; i < known.Ids.Length; i++)
                    sink.Add(known.Ids[i], text, start + known.Starts[i], start + known.Ends[i]);
                return;
            }
        }
        var word = MergeWord.Rent();
        if (_settings.IgnoreMerges && Vocabulary.TryGetId(piece, out var whole))
        {
            word.Add(whole, start, end);
        }
        else
        {
            Start(text, start, end, word);
            word.Merge(_merges);
        }
        word.Emit(text, sink);
        if (slot >= 0)
            _cache.Store(slot, word.ToEntry(piece.ToString(), start));
        word.Return();
    }

    /// <summary>The characters of a piece as symbols; unknown ones as bytes, as the unknown token, or not at all.</summary>
    private void Start(TextBuffer text, int start, int end, MergeWord word)
    {
        var (unknownStart, unknownEnd) = (-1, -1);
        for (var i = start; i < end;)
        {
            var code = text.CodeAt(i, out var units);
            var next = i + units;
            if (IdOf(code, first: i == start, last: next == end) is >= 0 and var id)
            {
                if (unknownStart >= 0)
                    word.Add(_unknown, unknownStart, unknownEnd);
                unknownStart = -1;
                word.Add(id, i, next);
            }
            else if (!(_settings.ByteFallback && AddBytes(code, first: i == start, last: next == end, i, next, word)) && _settings.UnknownToken != null)
            {
                if (_unknown < 0)
                    throw new ModelFormatException("the tokenizer", ModelFormatError.VocabMismatch, $"the unknown token '{_settings.UnknownToken}' is not in the vocabulary, and the text needs it.");
                if (unknownStart >= 0 && !_settings.FuseUnknown)
                {
                    word.Add(_unknown, unknownStart, unknownEnd);
                    unknownStart = -1;
                }
                unknownStart = unknownStart >= 0 ? unknownStart : i;
                unknownEnd = next;
            }
            i = next;
        }
        if (unknownStart >= 0)
            word.Add(_unknown, unknownStart, unknownEnd);
    }

    private bool AddBytes(int code, bool first, bool last, int start, int end, MergeWord word)
    {
        var text = (first ? "" : _settings.Prefix) + new Rune(code) + (last ? _settings.Suffix : "");
        var bytes = Encoding.UTF8.GetBytes(text);
        foreach (var value in bytes)
        {
            if (_byteIds[value] < 0)
                return false;
        }
        foreach (var value in bytes)
            word.Add(_byteIds[value], start, end);
        return true;
    }

    private int IdOf(int code, bool first, bool last)
    {
        var table = (first || _settings.Prefix.Length == 0 ? 0 : 1) + (last && _settings.Suffix.Length > 0 ? 2 : 0);
        return _charIds[table].TryGetValue(code, out var id) ? id : -1;
    }

    /// <summary>Notes which tokens are a single character, plain, with the prefix, the suffix or both.</summary>
    private void FindCharacters()
    {
        foreach (var (token, id) in Vocabulary.Ids)
        {
            for (var table = 0; table < 4; table++)
            {
                var prefix = (table & 1) != 0 ? _settings.Prefix : "";
                var suffix = (table & 2) != 0 ? _settings.Suffix : "";
                var length = token.Length - prefix.Length - suffix.Length;
                if (length is < 1 or > 2 || !token.StartsWith(prefix, StringComparison.Ordinal) || !token.EndsWith(suffix, StringComparison.Ordinal))
                    continue;
                var inner = token.AsSpan(prefix.Length, length);
                if (length == 1 && !char.IsSurrogate(inner[0]))
                    _charIds[table][inner[0]] = id;
                else if (length == 2 && char.IsSurrogatePair(inner[0], inner[1]))
                    _charIds[table][char.ConvertToUtf32(inner[0], inner[1])] = id;
            }
        }
    }

    private int IdOf(JsonPart json, int rank, string token) => Vocabulary.TryGetId(token, out var id)
        ? id
        : throw json.Error($"has in line {rank} the token '{Vocabulary.Shown(token)}', which the vocabulary lacks.", ModelFormatError.InvalidMerge);

    private static List<(string Left, string Right)> ReadMerges(JsonPart json)
    {
        if (json.Count > MaxMerges)
            throw json.Error($"has {json.Count} rules; at most {MaxMerges} are allowed.", ModelFormatError.LimitExceeded);
        var merges = new List<(string, string)>(json.Count);
        foreach (var item in json.Elements())
        {
            if (item.Kind == JsonValueKind.String)
            {
                merges.Add(SplitRule(item.String()) ?? throw item.Error("must be two tokens with one blank between them.", ModelFormatError.InvalidMerge));
                continue;
            }
            var pair = item.Elements().Take(3).Select(part => part.String()).ToList();
            if (pair.Count != 2)
                throw item.Error("must be two tokens.", ModelFormatError.InvalidMerge);
            merges.Add((pair[0], pair[1]));
        }
        return merges;
    }

    /// <summary>The two tokens of a rule that is written as text.</summary>
    public static (string Left, string Right)? SplitRule(string text)
    {
        var blank = text.IndexOf(' ', StringComparison.Ordinal);
        return blank < 0 || text.IndexOf(' ', blank + 1) >= 0 ? null : (text[..blank], text[(blank + 1)..]);
    }
}

/// <summary>The switches of <see cref="BytePair"/>.</summary>
/// <param name="UnknownToken">What stands for characters without a token; null leaves them out.</param>
/// <param name="Prefix">Put before every character but the first of a piece.</param>
/// <param name="Suffix">Put after the last character of a piece.</param>
/// <param name="FuseUnknown">Whether neighbouring unknown characters make one token.</param>
/// <param name="ByteFallback">Whether unknown characters become their bytes.</param>
/// <param name="IgnoreMerges">Whether a piece that is a token is taken as it is.</param>
internal sealed record BytePairSettings(string? UnknownToken, string Prefix, string Suffix, bool FuseUnknown, bool ByteFallback, bool IgnoreMerges);
