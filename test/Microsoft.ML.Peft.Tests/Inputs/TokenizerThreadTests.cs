using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

[TestClass]
public sealed class TokenizerThreadTests
{
    [TestMethod]
    public void Many_threads_get_what_one_gets()
    {
        foreach (var kind in TokenizerGoldenTests.Kinds())
        {
            var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", (string)kind[0]));
            var texts = Enumerable.Range(0, 400).Select(n => $"text {n % 50} of many, naïve 中文 {n} \U0001F600 snake_case'll").ToArray();
            var alone = texts.Select(text => string.Join(',', tokenizer.Encode(text).Ids)).ToArray();
            var together = new string[texts.Length];
            Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, n => together[n] = string.Join(',', tokenizer.Encode(texts[n]).Ids));
            CollectionAssert.AreEqual(alone, together);
        }
    }

    [TestMethod]
    public void Truncation_keeps_the_special_tokens()
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", "bert-uncased"));
        var whole = tokenizer.Encode("one two three four five six");
        var cut = tokenizer.Encode("one two three four five six", maxLength: 5);
        Assert.HasCount(5, cut.Ids);
        CollectionAssert.AreEqual(whole.Ids[..4], cut.Ids[..4]);
        Assert.AreEqual(whole.Ids[^1], cut.Ids[^1]);
        Assert.HasCount(2, tokenizer.Encode("one two", maxLength: 2).Ids);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => tokenizer.Encode("one", maxLength: 1));
        Assert.ThrowsExactly<ArgumentException>(() => tokenizer.EncodeWithDetails("one two three four", truncation: new TextTruncation(4) { Stride = 2 }));
    }
}
