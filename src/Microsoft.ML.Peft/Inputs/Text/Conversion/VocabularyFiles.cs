using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Models;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using static Microsoft.ML.Peft.Inputs.Text.Conversion.TokenizerJsonWriter;

namespace Microsoft.ML.Peft.Inputs.Text.Conversion;

/// <summary>Turns <c>vocab.txt</c>, or <c>vocab.json</c> and <c>merges.txt</c>, into a <c>tokenizer.json</c>.</summary>
internal static class VocabularyFiles
{
    private const string Qwen2Words =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string ClipWords = @"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

    /// <summary>BERT's vocabulary: a token a line.</summary>
    public static string FromWordPiece(string path, byte[] vocabulary, TokenizerConfig config)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var line in Lines(path, vocabulary))
        {
            if (!ids.TryAdd(line, ids.Count))
                throw new ModelFormatException(path, ModelFormatError.VocabMismatch, $"the token '{Vocabulary.Shown(line)}' stands twice in the file.");
        }
        string Token(string key, string usual) => config.Tokens.GetValueOrDefault(key, usual);
        var (cls, sep, unknown) = (Token("cls_token", "[CLS]"), Token("sep_token", "[SEP]"), Token("unk_token", "[UNK]"));
        var specials = new[] { Token("pad_token", "[PAD]"), unknown, cls, sep, Token("mask_token", "[MASK]") };
        return Write(
            new JsonObject { ["type"] = "WordPiece", ["unk_token"] = unknown, ["continuing_subword_prefix"] = "##", ["max_input_chars_per_word"] = 100, ["vocab"] = Table(ids) },
            new JsonObject
            {
                ["type"] = "BertNormalizer",
                ["clean_text"] = true,
                ["handle_chinese_chars"] = config.Flag("tokenize_chinese_chars", true),
                ["strip_accents"] = config.Flag("strip_accents", config.Flag("do_lower_case", true)),
                ["lowercase"] = config.Flag("do_lower_case", true),
            },
            new JsonObject { ["type"] = "BertPreTokenizer" },
            Template($"{cls} $A {sep}", $"{cls} $A {sep} $B:1 {sep}:1", token => Id(path, ids, token)),
            new JsonObject { ["type"] = "WordPiece", ["prefix"] = "##", ["cleanup"] = true },
            specials.Distinct().Where(ids.ContainsKey).Select(token => Special(token, ids[token])));
    }

    /// <summary>Byte-level vocabulary and merges; the class that wrote them says how texts are split and laid out.</summary>
    public static string FromBytePairs(string vocabularyPath, byte[] vocabulary, string mergesPath, byte[] merges, TokenizerConfig config)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        JsonPart.Parse(vocabularyPath, vocabulary, root =>
        {
            foreach (var (token, id) in root.Properties())
                ids.Add(token, id.Int());
            return true;
        });
        var rules = new JsonArray();
        foreach (var line in Lines(mergesPath, merges).Where((line, i) => line.Length > 0 && !(i == 0 && line.StartsWith("#version", StringComparison.Ordinal))))
        {
            var (left, right) = BytePair.SplitRule(line) ?? throw new ModelFormatException(mergesPath, ModelFormatError.InvalidMerge, $"the line '{Vocabulary.Shown(line)}' must be two tokens with one blank between them.");
            rules.Add(new JsonArray(left, right));
        }
        string Token(string key, string usual) => config.Tokens.GetValueOrDefault(key, usual);
        var model = new JsonObject { ["type"] = "BPE", ["vocab"] = Table(ids), ["merges"] = rules };
        var specials = config.Tokens.Values.Distinct().Where(ids.ContainsKey).Select(token => Special(token, ids[token], leftStrip: token == config.Tokens.GetValueOrDefault("mask_token")));
        var prefix = config.Flag("add_prefix_space", false);
        if (config.TokenizerClass.Contains("Roberta", StringComparison.Ordinal) || config.TokenizerClass.Contains("Bart", StringComparison.Ordinal))
        {
            var layout = Pair(vocabularyPath, ids, Token("sep_token", "</s>"), Token("cls_token", "<s>"), trim: true, prefix);
            return Write(model, null, ByteLevel(prefix, trimOffsets: true), layout, ByteLevel(), specials);
        }
        if (config.TokenizerClass.Contains("CLIP", StringComparison.Ordinal))
        {
            model["end_of_word_suffix"] = "</w>";
            model["unk_token"] = Token("unk_token", "<|endoftext|>");
            return Write(
                model,
                Sequence("normalizers", new JsonObject { ["type"] = "NFC" }, ReplaceMatches(@"\s+", " "), new JsonObject { ["type"] = "Lowercase" }),
                Sequence("pretokenizers", SplitBy(ClipWords, "Removed", invert: true), ByteLevel()),
                Pair(vocabularyPath, ids, Token("eos_token", "<|endoftext|>"), Token("bos_token", "<|startoftext|>"), trim: false, prefix: false),
                ByteLevel(), specials);
        }
        if (config.TokenizerClass.Contains("Qwen2", StringComparison.Ordinal))
        {
            return Write(
                model, new JsonObject { ["type"] = "NFC" }, Sequence("pretokenizers", SplitBy(Qwen2Words, "Isolated", invert: false), ByteLevel(useRegex: false)), ByteLevel(), ByteLevel(), specials);
        }
        return Write(model, null, ByteLevel(prefix), ByteLevel(), ByteLevel(), specials);
    }

    private static JsonObject SplitBy(string pattern, string behavior, bool invert) =>
        new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = behavior, ["invert"] = invert };

    private static JsonObject Pair(string path, Dictionary<string, int> ids, string sep, string cls, bool trim, bool prefix) => new()
    {
        ["type"] = "RobertaProcessing",
        ["sep"] = new JsonArray(sep, Id(path, ids, sep)),
        ["cls"] = new JsonArray(cls, Id(path, ids, cls)),
        ["trim_offsets"] = trim,
        ["add_prefix_space"] = prefix,
    };

    private static int Id(string path, Dictionary<string, int> ids, string token) => ids.TryGetValue(token, out var id)
        ? id
        : throw new ModelFormatException(path, ModelFormatError.VocabMismatch, $"the vocabulary lacks the special token '{Vocabulary.Shown(token)}'.");

    private static JsonObject Table(Dictionary<string, int> ids)
    {
        var table = new JsonObject();
        foreach (var (token, id) in ids)
            table.Add(token, id);
        return table;
    }

    private static IEnumerable<string> Lines(string path, byte[] bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
            throw new ModelFormatException(path, ModelFormatError.InvalidUtf8, "the file is not UTF-8.");
        var text = Encoding.UTF8.GetString(bytes).Replace("\r\n", "\n", StringComparison.Ordinal);
        return (text.EndsWith('\n') ? text[..^1] : text).Split('\n');
    }
}
