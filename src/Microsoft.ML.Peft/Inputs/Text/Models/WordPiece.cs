using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>WordPiece: the longest token that fits, again and again; a word with a gap is unknown as a whole.</summary>
internal sealed class WordPiece : TokenModel
{
    private const int MaxTrieNodes = 8_000_000;

    private readonly CharTrie _trie = new();
    private readonly int _continued;
    private readonly int _unknown;
    private readonly int _longestWord;

    private WordPiece(Vocabulary vocabulary, JsonPart json, string prefix, int unknown, int longestWord)
        : base(vocabulary)
    {
        _unknown = unknown;
        _longestWord = longestWord;
        foreach (var (token, id) in vocabulary.Ids)
        {
            _trie.Add(token, id);
            if (_trie.Nodes > MaxTrieNodes)
                throw json.Error($"has tokens of more than {MaxTrieNodes} characters in all.", ModelFormatError.LimitExceeded);
        }
        _continued = _trie.Walk(prefix);
    }

    public static new WordPiece Read(JsonPart json)
    {
        var vocabulary = Vocabulary.Read(json.Get("vocab"));
        var unknown = json.Get("unk_token").String("[UNK]");
        if (!vocabulary.TryGetId(unknown, out var id))
            throw json.Get("unk_token").Error($"is '{Vocabulary.Shown(unknown)}', which the vocabulary lacks.", ModelFormatError.VocabMismatch);
        var longest = json.Get("max_input_chars_per_word").Int(100);
        if (longest < 0)
            throw json.Get("max_input_chars_per_word").Error($"is {longest}; it must be at least 0.");
        return new WordPiece(vocabulary, json.Get("vocab"), json.Get("continuing_subword_prefix").String("##"), id, longest);
    }

    public override void Tokenize(TextBuffer text, int start, int end, TokenSink sink)
    {
        var word = text.Text[start..end];
        if (word.Length > _longestWord && CodePoints(word) > _longestWord)
        {
            sink.Add(_unknown, text, start, end);
            return;
        }
        var first = sink.Count;
        var position = 0;
        while (position < word.Length)
        {
            var node = position == 0 ? CharTrie.Root : _continued;
            var (id, length) = (CharTrie.None, 0);
            for (var i = position; i < word.Length && node != CharTrie.None; i++)
            {
                node = _trie.Step(node, word[i]);
                if (node == CharTrie.None)
                    break;
                if (_trie.Value(node) is var value && value != CharTrie.None)
                    (id, length) = (value, i + 1 - position);
            }
            if (id == CharTrie.None)
            {
                sink.CutTo(first);
                sink.Add(_unknown, text, start, end);
                return;
            }
            sink.Add(id, text, start + position, start + position + length);
            position += length;
        }
    }

    private static int CodePoints(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var c in text)
        {
            if (!char.IsLowSurrogate(c))
                count++;
        }
        return count;
    }
}
