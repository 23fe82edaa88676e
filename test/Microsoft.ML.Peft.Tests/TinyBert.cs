using System.Text.Json;
using Microsoft.ML.Peft.Tests.Golden;

namespace Microsoft.ML.Peft.Tests;

/// <summary>A whole model folder that loads in no time: the golden set's tiny BERT with a tokenizer of a few words.</summary>
internal sealed class TinyBert : IDisposable
{
    public static readonly string[] Words = ["red", "green", "blue", "one", "two", "three", "cat", "dog", "bird", "fish"];

    public TinyBert()
    {
        Folder = Directory.CreateTempSubdirectory("peft-tiny-bert-").FullName;
        foreach (var name in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(Path.Combine(GoldenFolder.Root, "bert", name), PathOf(name));
        }

        string[] tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words];
        File.WriteAllText(PathOf("tokenizer.json"), JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = tokens.Take(5).Select((content, id) => new
            {
                id,
                content,
                single_word = false,
                lstrip = false,
                rstrip = false,
                normalized = false,
                special = true,
            }),
            normalizer = new { type = "BertNormalizer", clean_text = true, handle_chinese_chars = true, lowercase = true },
            pre_tokenizer = new { type = "BertPreTokenizer" },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = new object[] { Special("[CLS]"), new { Sequence = new { id = "A", type_id = 0 } }, Special("[SEP]") },
                pair = new object[]
                {
                    Special("[CLS]"), new { Sequence = new { id = "A", type_id = 0 } }, Special("[SEP]"), new { Sequence = new { id = "B", type_id = 1 } }, Special("[SEP]"),
                },
                special_tokens = new Dictionary<string, object>
                {
                    ["[CLS]"] = new { id = "[CLS]", ids = new[] { 2 }, tokens = new[] { "[CLS]" } },
                    ["[SEP]"] = new { id = "[SEP]", ids = new[] { 3 }, tokens = new[] { "[SEP]" } },
                },
            },
            decoder = new { type = "WordPiece", prefix = "##", cleanup = true },
            model = new
            {
                type = "WordPiece",
                unk_token = "[UNK]",
                continuing_subword_prefix = "##",
                max_input_chars_per_word = 100,
                vocab = tokens.Select((token, id) => (token, id)).ToDictionary(p => p.token, p => p.id),
            },
        }));

        static object Special(string id) => new { SpecialToken = new { id, type_id = 0 } };
    }

    public string Folder { get; }

    public string PathOf(string name) => Path.Combine(Folder, name);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
