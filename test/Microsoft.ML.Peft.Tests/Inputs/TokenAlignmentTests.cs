using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

[TestClass]
public sealed class TokenAlignmentTests
{
    private static HuggingFaceTokenizer Load(string kind) => HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind));

    [TestMethod]
    public void Labels_go_to_the_first_or_to_all_pieces()
    {
        var tokenizer = Load("bert-uncased");
        var row = tokenizer.EncodeWords(["The", "snake_case", "zzqx!"]);
        // [CLS], one piece, the pieces of the second word, those of the third, [SEP].
        Assert.AreEqual(-1, row.WordIds![0]);
        Assert.AreEqual(-1, row.WordIds[^1]);
        CollectionAssert.AreEqual(row.WordIds.Where(w => w >= 0).Order().ToArray(), row.WordIds.Where(w => w >= 0).ToArray());
        Assert.IsGreaterThan(1, row.WordIds.Count(w => w == 1));
        var first = TokenAlignment.Labels(row, [7, 8, 9]);
        var all = TokenAlignment.Labels(row, [7, 8, 9], LabelledPieces.All);
        for (var i = 0; i < row.Length; i++)
        {
            var word = row.WordIds[i];
            Assert.AreEqual(word < 0 ? -100 : 7 + word, all[i]);
            Assert.AreEqual(word < 0 || row.WordIds[i - 1] == word ? -100 : 7 + word, first[i]);
        }
        // Each word by itself gives the same tokens.
        CollectionAssert.AreEqual(
            new[] { "The", "snake_case", "zzqx!" }.SelectMany(word => tokenizer.Encode(word, addSpecialTokens: false).Ids).ToArray(), row.Ids[1..^1]);
        Assert.ThrowsExactly<ArgumentException>(() => TokenAlignment.Labels(row, [7, 8]));
        Assert.ThrowsExactly<ArgumentException>(() => TokenAlignment.Labels(tokenizer.Encode("x"), [7]));
    }

    [TestMethod]
    [DataRow("bert-uncased")]
    [DataRow("roberta")]
    public void Answers_are_found_in_the_rows_that_hold_them(string kind)
    {
        var tokenizer = Load(kind);
        const string question = "what is it?";
        var context = string.Join(' ', Enumerable.Range(0, 60).Select(n => $"word{n}"));
        const string answer = "word40 word41";
        var start = context.IndexOf(answer, StringComparison.Ordinal);
        var row = tokenizer.EncodeWithDetails(question, context, truncation: new TextTruncation(40) { Strategy = TruncationStrategy.OnlySecond, Stride = 16 });
        var rows = row.Overflowing.Prepend(row).ToList();
        var spans = rows.Select(r => TokenAlignment.Span(r, start, start + answer.Length)).ToList();
        Assert.IsNull(spans[0]);
        Assert.Contains(s => s != null, spans);
        foreach (var (held, span) in rows.Zip(spans).Where(pair => pair.Second != null))
        {
            var text = context[held.Offsets![span!.Value.First].Start..held.Offsets[span.Value.Last].End];
            Assert.AreEqual(answer, text.Trim());
            Assert.IsTrue(held.Ids.Length <= 40);
        }
        Assert.ThrowsExactly<ArgumentException>(() => TokenAlignment.Span(row, 5, 5));
    }
}
