using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Tests.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Tokenizer files are data from strangers: what is wrong with them is said, and nothing hangs.</summary>
[TestClass]
public sealed class TokenizerFileTests
{
    private const string WordPiece = """{"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"a":1,"##b":2}},"pre_tokenizer":{"type":"BertPreTokenizer"}}""";

    private static ModelFormatError ErrorOf(string json)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Parse(json, "the file"));
        StringAssert.StartsWith(error.Message, "the file: ");
        return error.Error;
    }

    [TestMethod]
    [DataRow("", ModelFormatError.InvalidJson)]
    [DataRow("[]", ModelFormatError.InvalidEntry)]
    [DataRow("{}", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":null}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":{"type":"Magic"}}""", ModelFormatError.Unsupported)]
    [DataRow("""{"model":{"type":3}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0}},"model":{}}""", ModelFormatError.DuplicateKey)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":0}}}""", ModelFormatError.VocabMismatch)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":-1}}}""", ModelFormatError.VocabMismatch)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":2000000}}}""", ModelFormatError.VocabMismatch)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1.5}}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":99999999999}}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"a":0}}}""", ModelFormatError.VocabMismatch)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"a":2}}}""", ModelFormatError.DuplicateKey)]
    [DataRow("""{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"\ud800":1}}}""", ModelFormatError.InvalidUtf8)]
    [DataRow("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b"]]}}""", ModelFormatError.InvalidMerge)]
    [DataRow("""{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}""", ModelFormatError.InvalidMerge)]
    [DataRow("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a a"]}}""", ModelFormatError.InvalidMerge)]
    [DataRow("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a"]]}}""", ModelFormatError.InvalidMerge)]
    [DataRow("""{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":1}}""", ModelFormatError.VocabMismatch)]
    [DataRow("""{"model":{"type":"Unigram","vocab":[["a",1e400]]}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"model":{"type":"Unigram","vocab":[["a",0],["a",0]]}}""", ModelFormatError.VocabMismatch)]
    public void Bad_models(string json, ModelFormatError expected) => Assert.AreEqual(expected, ErrorOf(json));

    [TestMethod]
    [DataRow("normalizer", """{"type":"Magic"}""", ModelFormatError.Unsupported)]
    [DataRow("normalizer", """{"type":"Replace","pattern":{"Regex":"("},"content":""}""", ModelFormatError.Unsupported)]
    [DataRow("normalizer", """{"type":"Replace","pattern":{"Magic":"("},"content":""}""", ModelFormatError.Unsupported)]
    [DataRow("normalizer", """{"type":"Precompiled","precompiled_charsmap":"%%"}""", ModelFormatError.InvalidEntry)]
    [DataRow("normalizer", """{"type":"Precompiled","precompiled_charsmap":"/////w=="}""", ModelFormatError.InvalidEntry)]
    [DataRow("pre_tokenizer", """{"type":"Magic"}""", ModelFormatError.Unsupported)]
    [DataRow("pre_tokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"7"}""", ModelFormatError.Unsupported)]
    [DataRow("pre_tokenizer", """{"type":"Metaspace","replacement":"__"}""", ModelFormatError.Unsupported)]
    [DataRow("post_processor", """{"type":"Magic"}""", ModelFormatError.Unsupported)]
    [DataRow("post_processor", """{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",99]}""", ModelFormatError.VocabMismatch)]
    [DataRow("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}],"pair":[],"special_tokens":{}}""", ModelFormatError.InvalidEntry)]
    [DataRow("decoder", """{"type":"Magic"}""", ModelFormatError.Unsupported)]
    [DataRow("truncation", """{"max_length":5,"strategy":"Magic"}""", ModelFormatError.Unsupported)]
    [DataRow("added_tokens", """[{"id":1,"content":"x"}]""", ModelFormatError.VocabMismatch)]
    [DataRow("added_tokens", """[{"id":7,"content":"a"}]""", ModelFormatError.VocabMismatch)]
    [DataRow("added_tokens", """[{"id":7,"content":"x"},{"id":7,"content":"y"}]""", ModelFormatError.VocabMismatch)]
    [DataRow("added_tokens", """[{"id":-1,"content":"x"}]""", ModelFormatError.VocabMismatch)]
    public void Bad_parts(string part, string json, ModelFormatError expected)
    {
        var file = JsonNode.Parse(WordPiece)!;
        file[part] = JsonNode.Parse(json);
        Assert.AreEqual(expected, ErrorOf(file.ToJsonString()));
    }

    [TestMethod]
    [DataRow("normalizer", "normalizers")]
    [DataRow("pre_tokenizer", "pretokenizers")]
    [DataRow("post_processor", "processors")]
    [DataRow("decoder", "decoders")]
    public void Deep_sequences(string part, string list)
    {
        foreach (var depth in new[] { 25, 1000 })
        {
            var nested = string.Concat(Enumerable.Repeat($$"""{"type":"Sequence","{{list}}":[""", depth)) + string.Concat(Enumerable.Repeat("]}", depth));
            Assert.AreEqual(ModelFormatError.LimitExceeded, ErrorOf($"{WordPiece.Replace("\"pre_tokenizer\"", "\"unused\"", StringComparison.Ordinal)[..^1]},\"{part}\":{nested}}}"));
        }
    }

    [TestMethod]
    public void Too_many_added_tokens()
    {
        var tokens = string.Join(',', Enumerable.Range(10, 100_001).Select(id => $$"""{"id":{{id}},"content":"t{{id}}"}"""));
        Assert.AreEqual(ModelFormatError.LimitExceeded, ErrorOf($"{WordPiece[..^1]},\"added_tokens\":[{tokens}]}}"));
    }

    [TestMethod]
    public void Files_beyond_64_megabytes()
    {
        using var folder = new TemporaryFolder();
        using (var file = File.Create(folder["tokenizer.json"]))
            file.SetLength((64 << 20) + 1);
        Assert.AreEqual(ModelFormatError.LimitExceeded, Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder.Path)).Error);
    }

    [TestMethod]
    public void Not_utf8()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", [(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}']);
        Assert.AreEqual(ModelFormatError.InvalidUtf8, Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder.Path)).Error);
        Assert.AreEqual(ModelFormatError.MissingFile, Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder["none"])).Error);
    }

    [TestMethod]
    public void The_padding_token_comes_from_the_file_beside()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", WordPiece);
        Assert.AreEqual(0, HuggingFaceTokenizer.Load(folder.Path).PadId);
        folder.Write("tokenizer_config.json", """{"pad_token":{"content":"a"}}""");
        Assert.AreEqual(1, HuggingFaceTokenizer.Load(folder.Path).PadId);
        folder.Write("tokenizer_config.json", """{"eos_token":"##b"}""");
        Assert.AreEqual(2, HuggingFaceTokenizer.Load(folder.Path).PadId);
        folder.Write("tokenizer.json", WordPiece[..^1] + ",\"padding\":{\"pad_id\":1}}");
        Assert.AreEqual(1, HuggingFaceTokenizer.Load(folder.Path).PadId);
    }

    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = false)]
    public void Awkward_texts_give_ids_in_linear_time()
    {
        var texts = new[]
        {
            "", " ", "   \t\n ", "\ud800", "a\udc00b", "\0", "\ufeff", "\u200f\u0627\u200d\u0628\u202e", new string('a', 400_000), new string(' ', 400_000), string.Concat(Enumerable.Repeat("𝔄", 100_000)),
        };
        foreach (var kind in TokenizerGoldenTests.Kinds())
        {
            var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", (string)kind[0]));
            foreach (var text in texts)
            {
                var ids = tokenizer.Encode(text).Ids;
                Assert.IsTrue(ids.All(id => id >= 0 && id < tokenizer.VocabularySize));
                if (text.Length < 100)
                {
                    var encoding = tokenizer.EncodeWithDetails(text);
                    CollectionAssert.AreEqual(ids, encoding.Ids);
                    Assert.IsTrue(encoding.Offsets!.All(o => o.Start >= 0 && o.Start <= o.End && o.End <= text.Length));
                }
            }
        }
    }

    [TestMethod]
    public void Damaged_files_never_give_anything_but_our_own_error()
    {
        var random = new Random(3);
        foreach (var kind in TokenizerGoldenTests.Kinds())
        {
            var good = Shrunk(File.ReadAllText(Path.Combine(TestArchive.GoldenInputs, "tokenizers", (string)kind[0], "tokenizer.json")));
            for (var n = 0; n < 150; n++)
            {
                var bytes = Encoding.UTF8.GetBytes(good);
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                {
                    var at = random.Next(bytes.Length);
                    bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)"0123456789-{}[]\":,"[random.Next(18)], _ => bytes[random.Next(bytes.Length)] };
                }
                var text = Encoding.UTF8.GetString(bytes, 0, random.Next(10) == 0 ? random.Next(bytes.Length) : bytes.Length);
                try
                {
                    var tokenizer = HuggingFaceTokenizer.Parse(text, "damaged");
                    tokenizer.Decode(tokenizer.EncodeWithDetails("Hello, wörld! 12 <s> 中文 😀", "x").Ids);
                }
                catch (ModelFormatException)
                {
                    // Said what is wrong.
                }
            }
        }
    }

    /// <summary>The same tokenizer with a small vocabulary, so that most damage hits something else.</summary>
    private static string Shrunk(string json)
    {
        var file = JsonNode.Parse(json)!;
        var model = file["model"]!;
        if (model["vocab"] is JsonArray list)
        {
            while (list.Count > 60)
                list.RemoveAt(list.Count - 1);
        }
        else
        {
            var kept = model["vocab"]!.AsObject().Take(300).ToDictionary(p => p.Key, p => p.Value!.GetValue<int>());
            model["vocab"] = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(kept));
            if (model["merges"] is JsonArray merges)
            {
                var usable = merges.Where(m => kept.ContainsKey(m![0]!.GetValue<string>()) && kept.ContainsKey(m[1]!.GetValue<string>()) && kept.ContainsKey(m[0]!.GetValue<string>() + m[1]!.GetValue<string>())).Take(30);
                model["merges"] = JsonNode.Parse($"[{string.Join(',', usable.Select(m => m!.ToJsonString()))}]");
            }
        }
        return file.ToJsonString();
    }
}
