using System.Globalization;
using System.Text;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Unigram language model: of all ways to cut a piece into tokens, the most probable one.</summary>
internal sealed class Unigram : TokenModel
{
    private const double UnknownPenalty = 10;
    private const int MaxTrieNodes = 16_000_000;
    private const int LargestKept = 1 << 16;

    [ThreadStatic]
    private static Step[]? _pathOfThread;

    private readonly CharTrie _trie = new();
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int _unknown;
    private readonly int[]? _byteIds;

    /// <summary>Builds the model.</summary>
    /// <param name="vocabulary">Tokens, numbered in order.</param>
    /// <param name="scores">Logarithm of each token's probability.</param>
    /// <param name="unknown">Id of the unknown token, or −1.</param>
    /// <param name="byteFallback">Whether unknown text becomes its bytes.</param>
    /// <param name="json">Where it comes from, for messages.</param>
    public Unigram(Vocabulary vocabulary, double[] scores, int unknown, bool byteFallback, JsonPart json)
        : base(vocabulary)
    {
        _scores = scores;
        _unknown = unknown;
        _unknownScore = (scores.Length > 0 ? scores.Min() : 0) - UnknownPenalty;
        foreach (var (token, id) in vocabulary.Ids)
        {
            if (token.Length == 0)
                continue;
            _trie.Add(token, id);
            if (_trie.Nodes > MaxTrieNodes)
                throw json.Error($"has tokens of more than {MaxTrieNodes} characters in all.", ModelFormatError.LimitExceeded);
        }
        if (byteFallback)
            _byteIds = [.. Enumerable.Range(0, 256).Select(value => vocabulary.TryGetId(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id) ? id : -1)];
    }

    public static new Unigram Read(JsonPart json)
    {
        var tokens = new List<string>();
        var scores = new List<double>();
        foreach (var item in json.Get("vocab").Elements())
        {
            if (item.Count != 2)
                throw item.Error("must be a token and its score.");
            var parts = item.Elements().ToList();
            tokens.Add(parts[0].String());
            scores.Add(parts[1].Number());
            if (tokens.Count > Vocabulary.MaxTokens)
                throw json.Get("vocab").Error($"has more than {Vocabulary.MaxTokens} tokens.", ModelFormatError.LimitExceeded);
        }
        var unknown = json.Get("unk_id").Int(-1);
        if (unknown >= tokens.Count || (unknown < 0 && !json.Get("unk_id").IsNull))
            throw json.Get("unk_id").Error($"is {unknown}; the vocabulary has {tokens.Count} tokens.", ModelFormatError.VocabMismatch);
        return new Unigram(Vocabulary.Of(json.Get("vocab"), tokens), [.. scores], unknown, json.Get("byte_fallback").Bool(false), json.Get("vocab"));
    }

    public override void Tokenize(TextBuffer text, int start, int end, TokenSink sink)
    {
        var piece = text.Text[start..end];
        var path = _pathOfThread;
        if (path == null || path.Length <= piece.Length)
        {
            path = new Step[Math.Max(256, piece.Length + 1)];
            if (path.Length <= LargestKept)
                _pathOfThread = path;
        }
        FindBest(piece, path.AsSpan(0, piece.Length + 1));
        // The path is known from its end: turn it round, then read it from the start.
        var position = piece.Length;
        while (position > 0)
        {
            var from = path[position].From;
            path[from].To = position;
            position = from;
        }
        while (position < piece.Length)
        {
            var to = path[position].To;
            if (path[to].Id != _unknown)
            {
                sink.Add(path[to].Id, text, start + position, start + to);
                position = to;
                continue;
            }
            while (to < piece.Length && path[path[to].To].Id == _unknown)
                to = path[to].To;
            AddUnknown(piece[position..to], text, start + position, start + to, sink);
            position = to;
        }
    }

    /// <summary>For every end of a token, the best path that leads there; linear in the text for tokens of bounded length.</summary>
    private void FindBest(ReadOnlySpan<char> piece, Span<Step> path)
    {
        path.Fill(new Step { From = -1 });
        for (var at = 0; at < piece.Length;)
        {
            var here = path[at].Score;
            var width = char.IsHighSurrogate(piece[at]) && at + 1 < piece.Length ? 2 : 1;
            var single = false;
            var node = CharTrie.Root;
            for (var i = at; i < piece.Length; i++)
            {
                node = _trie.Step(node, piece[i]);
                if (node == CharTrie.None)
                    break;
                if (_trie.Value(node) is not (var id and not CharTrie.None))
                    continue;
                Offer(ref path[i + 1], here + _scores[id], at, id);
                single |= i + 1 - at == width;
            }
            if (!single)
                Offer(ref path[at + width], here + _unknownScore, at, _unknown);
            at += width;
        }
    }

    private static void Offer(ref Step step, double score, int from, int id)
    {
        if (step.From >= 0 && score <= step.Score)
            return;
        step.Score = score;
        step.From = from;
        step.Id = id;
    }

    private void AddUnknown(ReadOnlySpan<char> piece, TextBuffer text, int start, int end, TokenSink sink)
    {
        if (Vocabulary.TryGetId(piece, out var id))
        {
            sink.Add(id, text, start, end);
            return;
        }
        if (_byteIds != null)
        {
            var bytes = Encoding.UTF8.GetBytes(piece.ToString());
            if (Array.TrueForAll(bytes, value => _byteIds[value] >= 0))
            {
                foreach (var value in bytes)
                    sink.Add(_byteIds[value], text, start, end);
                return;
            }
        }
        if (_unknown < 0)
            throw new ModelFormatException("the tokenizer", ModelFormatError.VocabMismatch, "the text has characters without a token, and the tokenizer has no unknown token.");
        sink.AddAsIs(_unknown, text, start, end);
    }

    private struct Step
    {
        public double Score;
        public int From;
        public int Id;
        public int To;
    }
}
