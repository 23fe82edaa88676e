using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Answers go to the rows of a long context and come back from their logits.</summary>
[TestClass]
public sealed class AnswerSpansTests
{
    private const string Answer = "word40 word41";
    private static readonly string Context = string.Join(' ', Enumerable.Range(0, 60).Select(n => $"word{n}"));

    [TestMethod]
    [DataRow("bert-uncased")]
    [DataRow("roberta")]
    [DataRow("llama3")]
    public void There_and_back(string kind)
    {
        var rows = Encode(kind);
        var start = Context.IndexOf(Answer, StringComparison.Ordinal);
        var labels = AnswerSpans.Labels(rows, (start, start + Answer.Length));
        Assert.IsTrue(labels.Any(l => l != (0, 0)) && labels.Any(l => l == (0, 0)));
        CollectionAssert.AreEqual(rows.Select(_ => (0, 0)).ToArray(), AnswerSpans.Labels(rows, null));

        // A model that is sure of the labels, and would like a token of the question and an end before the start even more.
        var (starts, ends) = (Logits(rows), Logits(rows));
        for (var r = 0; r < rows.Count; r++)
        {
            (starts[r][labels[r].Start], ends[r][labels[r].End]) = (5, 5);
            starts[r][2] = 9;
            if (labels[r] != (0, 0))
                ends[r][labels[r].Start - 1] = 6;
        }
        var best = AnswerSpans.Best(rows, starts, ends, count: 3);
        Assert.AreEqual(Answer, Context[best[0].Start..best[0].End].Trim());
        Assert.AreEqual(10, best[0].Score);
        Assert.HasCount(3, best.Select(b => (b.Start, b.End)).Distinct());
        Assert.IsLessThanOrEqualTo(10, best[1].Score);
        // Rows without the answer vote for none; one row that has it holds against that.
        Assert.IsLessThan(10, AnswerSpans.NoAnswerScore(starts, ends));
    }

    [TestMethod]
    public void Long_answers_and_numbers_that_are_none_are_left_out()
    {
        var rows = Encode("bert-uncased").Take(1).ToList();
        var context = Enumerable.Range(0, rows[0].Length).Where(t => rows[0].SequenceIds![t] == 1).ToArray();
        var (starts, ends) = (Logits(rows), Logits(rows));
        starts[0][context[0]] = 9;
        ends[0][context[10]] = 9;
        ends[0][context[3]] = 5;
        ends[0][context[4]] = float.NaN;
        var expected = (rows[0].Offsets![context[0]].Start, rows[0].Offsets![context[3]].End);
        var best = AnswerSpans.Best(rows, starts, ends, maxTokens: 10)[0];
        Assert.AreEqual(expected, (best.Start, best.End));
        Assert.ThrowsExactly<ArgumentException>(() => AnswerSpans.Best(rows, [], ends));
        Assert.ThrowsExactly<ArgumentException>(() => AnswerSpans.Best(rows, [[1f]], ends));
        Assert.ThrowsExactly<ArgumentException>(() => AnswerSpans.NoAnswerScore([], []));
    }

    private static IReadOnlyList<TextEncoding> Encode(string kind)
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind));
        return AnswerSpans.Rows(tokenizer.EncodeWithDetails(
            "what is it?", Context, truncation: new TextTruncation(48) { Strategy = TruncationStrategy.OnlySecond, Stride = 20 }));
    }

    private static List<float[]> Logits(IEnumerable<TextEncoding> rows) => [.. rows.Select(r => new float[r.Length])];
}
