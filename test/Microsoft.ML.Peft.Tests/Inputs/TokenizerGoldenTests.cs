using System.Text.Json;
using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Whole tokenizers give what Hugging Face's own gave: ids, tokens, offsets, types, decoded text.</summary>
[TestClass]
public sealed class TokenizerGoldenTests
{
    public static IEnumerable<object[]> Kinds() =>
        Directory.GetDirectories(Path.Combine(TestArchive.GoldenInputs, "tokenizers")).Order(StringComparer.Ordinal).Select(folder => new object[] { Path.GetFileName(folder) });

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Cases_are_equal(string kind)
    {
        var folder = Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind);
        var tokenizer = HuggingFaceTokenizer.Load(folder);
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "cases.json")));
        foreach (var item in recorded.RootElement.GetProperty("cases").EnumerateArray())
        {
            var text = item.GetProperty("text").GetString()!;
            var encoding = tokenizer.EncodeWithDetails(text);
            Assert.AreEqual(EncodingText.Of(item), EncodingText.Of(encoding, text, null), $"text {JsonSerializer.Serialize(text)}");
            var plain = tokenizer.Encode(text);
            CollectionAssert.AreEqual(encoding.Ids, plain.Ids);
            CollectionAssert.AreEqual(encoding.TypeIds, plain.TypeIds);
            Assert.AreEqual(EncodingText.Numbers(item.GetProperty("ids_no_special")), EncodingText.Numbers(tokenizer.Encode(text, addSpecialTokens: false).Ids));
            Assert.AreEqual(item.GetProperty("decoded").GetString(), tokenizer.Decode(encoding.Ids, skipSpecialTokens: true));
            Assert.AreEqual(item.GetProperty("decoded_keep_special").GetString(), tokenizer.Decode(encoding.Ids));
        }
        foreach (var item in recorded.RootElement.GetProperty("pairs").EnumerateArray())
        {
            var encoding = tokenizer.Encode(item.GetProperty("a").GetString()!, item.GetProperty("b").GetString());
            Assert.AreEqual(EncodingText.Numbers(item.GetProperty("ids")), EncodingText.Numbers(encoding.Ids));
            Assert.AreEqual(EncodingText.Numbers(item.GetProperty("type_ids")), EncodingText.Numbers(encoding.TypeIds));
        }
    }
}
