using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Tests.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Folders without a tokenizer.json: vocab.txt, vocab.json with merges.txt, SentencePiece models.</summary>
[TestClass]
public sealed class OlderFormatTests
{
    [TestMethod]
    [DataRow("bert-uncased", """{"do_lower_case":true}""")]
    [DataRow("bert-cased", """{"do_lower_case":false}""")]
    [DataRow("gpt2", """{"tokenizer_class":"GPT2Tokenizer","eos_token":"<|endoftext|>"}""")]
    [DataRow("roberta", """{"tokenizer_class":"RobertaTokenizer","bos_token":"<s>","eos_token":"</s>","sep_token":"</s>","cls_token":"<s>","unk_token":"<unk>","pad_token":"<pad>","mask_token":"<mask>"}""")]
    [DataRow("clip", """{"tokenizer_class":"CLIPTokenizer","bos_token":"<|startoftext|>","eos_token":"<|endoftext|>","unk_token":"<|endoftext|>"}""")]
    public void Vocabulary_files_give_the_golden_ids(string kind, string config)
    {
        var golden = Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind);
        var model = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "tokenizer.json")))!["model"]!;
        var vocabulary = model["vocab"]!.AsObject();
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer_config.json", config);
        if (model["merges"] is JsonArray merges)
        {
            folder.Write("vocab.json", vocabulary.ToJsonString());
            folder.Write("merges.txt", "#version: 0.2\n" + string.Concat(merges.Select(m => $"{m![0]} {m[1]}\n")));
        }
        else
        {
            folder.Write("vocab.txt", string.Concat(vocabulary.OrderBy(p => p.Value!.GetValue<int>()).Select(p => p.Key + "\n")));
        }
        var tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "cases.json")));
        foreach (var item in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            var text = item.GetProperty("text").GetString()!;
            Assert.AreEqual(EncodingText.Of(item), EncodingText.Of(tokenizer.EncodeWithDetails(text), text, null), text);
            Assert.AreEqual(item.GetProperty("decoded").GetString(), tokenizer.Decode(tokenizer.Encode(text).Ids, skipSpecialTokens: true));
        }
        // What it was turned into is a whole tokenizer.json.
        Assert.AreEqual(tokenizer.VocabularySize, HuggingFaceTokenizer.Parse(tokenizer.Json, "again").VocabularySize);
    }

    [TestMethod]
    public void SentencePiece_models_give_the_ids_of_SentencePiece()
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "sentencepiece.json")));
        foreach (var model in recorded.RootElement.EnumerateArray())
        {
            using var folder = new TemporaryFolder();
            folder.Write("tokenizer.model", model.GetProperty("model").GetBytesFromBase64());
            var tokenizer = HuggingFaceTokenizer.Load(folder.Path);
            var name = model.GetProperty("name").GetString();
            foreach (var item in model.GetProperty("cases").EnumerateArray())
            {
                var text = item.GetProperty("text").GetString()!;
                // Two things are as in Hugging Face's conversion: control pieces are found in text, and the charsmap takes a letter with its marks as one.
                if (text.Contains("<s>", StringComparison.Ordinal) || text.Contains("Ä\u0301", StringComparison.Ordinal))
                    continue;
                var ids = tokenizer.Encode(text).Ids;
                Assert.AreEqual(EncodingText.Numbers(item.GetProperty("ids")), EncodingText.Numbers(ids), $"{name}: {text}");
                if (!ids.Contains(0) && !text.Contains('▁', StringComparison.Ordinal))
                    Assert.AreEqual(item.GetProperty("decoded").GetString(), tokenizer.Decode(ids), $"{name}: {text}");
            }
        }
    }

    [TestMethod]
    public void SentencePiece_families_add_their_tokens()
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "sentencepiece.json")));
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.model", recorded.RootElement[0].GetProperty("model").GetBytesFromBase64());
        folder.Write("tokenizer_config.json", """{"tokenizer_class":"LlamaTokenizer"}""");
        var llama = HuggingFaceTokenizer.Load(folder.Path).Encode("package", "x");
        Assert.AreEqual((1, 2), (llama.Ids[0], llama.Ids.Count(id => id == 1)));
        Assert.AreEqual(1, llama.TypeIds[^1]);
        folder.Write("tokenizer_config.json", """{"tokenizer_class":"T5Tokenizer"}""");
        Assert.AreEqual(2, HuggingFaceTokenizer.Load(folder.Path).Encode("package").Ids[^1]);
        folder.Write("tokenizer_config.json", """{"tokenizer_class":"XLMRobertaTokenizer"}""");
        var roberta = HuggingFaceTokenizer.Load(folder.Path);
        Assert.AreEqual((0, 1, 2, 3), (roberta.TokenToId("<s>"), roberta.TokenToId("<pad>"), roberta.TokenToId("</s>"), roberta.TokenToId("<unk>")));
        Assert.AreEqual((0, 2), (roberta.Encode("package").Ids[0], roberta.Encode("package").Ids[^1]));
    }

    [TestMethod]
    public void Damaged_models_are_refused()
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "sentencepiece.json")));
        var good = recorded.RootElement[3].GetProperty("model").GetBytesFromBase64();
        using var folder = new TemporaryFolder();
        var random = new Random(4);
        for (var n = 0; n < 100; n++)
        {
            var bytes = good[..(n % 3 == 0 ? random.Next(good.Length) : good.Length)];
            for (var flips = random.Next(1, 5); flips > 0 && bytes.Length > 0; flips--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            folder.Write("tokenizer.model", bytes);
            try
            {
                HuggingFaceTokenizer.Load(folder.Path).Encode("two words");
            }
            catch (ModelFormatException)
            {
                // Said what is wrong.
            }
        }
        folder.Write("tokenizer.model", []);
        Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder.Path));
    }

    [TestMethod]
    public void A_folder_without_any_says_what_it_looked_for()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder.Path));
        Assert.AreEqual(ModelFormatError.MissingFile, error.Error);
        StringAssert.Contains(error.Message, "vocab.txt");
        folder.Write("vocab.json", "{\"a\":0}");
        folder.Write("merges.txt", "#version\na b\n");
        Assert.AreEqual(ModelFormatError.InvalidMerge, Assert.ThrowsExactly<ModelFormatException>(() => HuggingFaceTokenizer.Load(folder.Path)).Error);
    }
}
