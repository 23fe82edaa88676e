using System.Buffers;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Seen as one of ML.NET's own tokenizers.</summary>
[TestClass]
public sealed class MicrosoftTokenizerTests
{
    private static HuggingFaceTokenizer Load(string kind) => HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind));

    [TestMethod]
    [DataRow("bert-uncased")]
    [DataRow("gpt2")]
    [DataRow("llama2")]
    [DataRow("t5")]
    public void Ids_tokens_and_counts_agree(string kind)
    {
        var own = Load(kind);
        Tokenizer tokenizer = own;
        const string text = "Hello, naïve world! 😀 x";
        var ids = own.Encode(text).Ids;
        CollectionAssert.AreEqual(ids, tokenizer.EncodeToIds(text).ToArray());
        CollectionAssert.AreEqual(ids, tokenizer.EncodeToIds(text.AsSpan()).ToArray());
        var tokens = tokenizer.EncodeToTokens(text, out var normalized);
        Assert.IsNull(normalized);
        CollectionAssert.AreEqual(ids, tokens.Select(t => t.Id).ToArray());
        Assert.AreEqual(ids.Length, tokenizer.CountTokens(text));
        Assert.AreEqual(own.Decode(ids), tokenizer.Decode(ids));
        Assert.IsTrue(tokens.All(t => t.Offset.Start.Value <= t.Offset.End.Value && t.Offset.End.Value <= text.Length));
    }

    [TestMethod]
    public void A_limit_counts_special_tokens_and_says_what_was_used()
    {
        Tokenizer tokenizer = Load("bert-uncased");
        const string text = "the model of the layer";
        var all = tokenizer.EncodeToTokens(text, out _);
        var cut = tokenizer.EncodeToIds(text, 4, out _, out var consumed);
        Assert.HasCount(4, cut);
        Assert.AreEqual(all[2].Offset.End.Value, consumed);
        Assert.AreEqual(all[^1].Id, cut[^1]);
        Assert.AreEqual(all[2].Offset.End.Value, tokenizer.GetIndexByTokenCount(text, 3, out _, out var count));
        Assert.AreEqual(3, count);
        Assert.AreEqual(all[^3].Offset.Start.Value, tokenizer.GetIndexByTokenCountFromEnd(text, 3, out _, out _));
        Assert.HasCount(1, tokenizer.EncodeToIds(text, 1, out _, out _));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => tokenizer.EncodeToIds(text, 0, out _, out _));
    }

    [TestMethod]
    public void Decoding_into_a_buffer_stops_between_tokens()
    {
        Tokenizer tokenizer = Load("gpt2");
        const string text = "one two three";
        var ids = tokenizer.EncodeToIds(text);
        Span<char> buffer = stackalloc char[100];
        Assert.AreEqual(OperationStatus.Done, tokenizer.Decode(ids, buffer, out var used, out var written));
        Assert.AreEqual((ids.Count, text), (used, buffer[..written].ToString()));
        Assert.AreEqual(OperationStatus.DestinationTooSmall, tokenizer.Decode(ids, buffer[..8], out used, out written));
        StringAssert.StartsWith(text, buffer[..written].ToString());
        Assert.IsTrue(used > 0 && used < ids.Count);
        Assert.AreEqual(OperationStatus.InvalidData, tokenizer.Decode([ids[0], 99_999_999, ids[1]], buffer, out used, out _));
        Assert.AreEqual(1, used);
    }

    [TestMethod]
    public void Without_splitting_and_normalizing_the_bytes_stay()
    {
        Tokenizer tokenizer = Load("gpt2");
        const string text = "one two";
        Assert.AreEqual(text, tokenizer.Decode(tokenizer.EncodeToIds(text, considerPreTokenization: false, considerNormalization: false)));
        Tokenizer bert = Load("bert-uncased");
        Assert.AreNotEqual(string.Join(',', bert.EncodeToIds("A")), string.Join(',', bert.EncodeToIds("A", considerNormalization: false)));
    }
}
