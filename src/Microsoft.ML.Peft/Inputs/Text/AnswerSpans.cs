namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>Carries answers over from a context to the rows that a long one makes with a stride, and back.</summary>
public static class AnswerSpans
{
    /// <summary>All rows of an encoded pair: the row itself and those that its cut-off tokens make.</summary>
    /// <param name="row">A pair of question and context, encoded with details.</param>
    public static IReadOnlyList<TextEncoding> Rows(TextEncoding row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return [row, .. row.Overflowing];
    }

    /// <summary>For each row the tokens where the answer starts and ends; the row's first token twice where the row does not hold all of it.</summary>
    /// <param name="rows">Rows of one question and context, such as <see cref="Rows"/> gives.</param>
    /// <param name="answer">UTF-16 range of the answer in the context, or null where there is none.</param>
    /// <param name="contextSequence">Which text the context is: 1 where the question comes first.</param>
    /// <exception cref="ArgumentException">A row has no details, or the answer is empty.</exception>
    public static (int Start, int End)[] Labels(IReadOnlyList<TextEncoding> rows, (int Start, int End)? answer, int contextSequence = 1)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return [.. rows.Select(row => answer is { } range && TokenAlignment.Span(row, range.Start, range.End, contextSequence) is { } span ? (span.First, span.Last) : (0, 0))];
    }

    /// <summary>The likeliest answers of a context, best first: pairs of a start and an end not before it, by the sum of their logits.</summary>
    /// <param name="rows">Rows of one question and context.</param>
    /// <param name="startLogits">For each row the logit of each token to be the answer's first; padding behind a row's tokens is left out.</param>
    /// <param name="endLogits">For each row the logit of each token to be the answer's last.</param>
    /// <param name="count">Most answers that are given, 1 or more.</param>
    /// <param name="maxTokens">Most tokens of an answer, 1 or more.</param>
    /// <param name="contextSequence">Which text the context is.</param>
    /// <param name="candidates">How many of the likeliest starts and ends of a row are paired, 1 or more.</param>
    /// <returns>Answers with different ranges; fewer than <paramref name="count"/> where there are no more.</returns>
    /// <exception cref="ArgumentException">A row has no details, logits are missing, or a number is outside its range.</exception>
    public static IReadOnlyList<AnswerSpan> Best(
        IReadOnlyList<TextEncoding> rows, IReadOnlyList<float[]> startLogits, IReadOnlyList<float[]> endLogits, int count = 1, int maxTokens = 30,
        int contextSequence = 1, int candidates = 20)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(startLogits);
        ArgumentNullException.ThrowIfNull(endLogits);
        Guard.AtLeast(count, 1);
        Guard.AtLeast(maxTokens, 1);
        Guard.AtLeast(candidates, 1);
        if (startLogits.Count != rows.Count || endLogits.Count != rows.Count)
            throw new ArgumentException($"There are {rows.Count} rows, {startLogits.Count} rows of start and {endLogits.Count} of end logits; they must be as many.", nameof(rows));
        var best = new Dictionary<(int, int), double>();
        for (var r = 0; r < rows.Count; r++)
        {
            var offsets = rows[r].Offsets ?? throw new ArgumentException("A row has no offsets; encode it with details.", nameof(rows));
            if (startLogits[r].Length < offsets.Length || endLogits[r].Length < offsets.Length)
                throw new ArgumentException($"Row {r} has {offsets.Length} tokens and fewer logits.", nameof(startLogits));
            var tokens = Enumerable.Range(0, offsets.Length).Where(t => rows[r].SequenceIds![t] == contextSequence && offsets[t].End > offsets[t].Start).ToArray();
            var ends = Likeliest(tokens, endLogits[r], candidates);
            foreach (var start in Likeliest(tokens, startLogits[r], candidates))
            {
                foreach (var end in ends.Where(end => end >= start && end - start < maxTokens))
                {
                    var range = (offsets[start].Start, offsets[end].End);
                    var score = (double)startLogits[r][start] + endLogits[r][end];
                    if (!best.TryGetValue(range, out var known) || score > known)
                        best[range] = score;
                }
            }
        }
        return [.. best.OrderByDescending(b => b.Value).ThenBy(b => b.Key).Take(count).Select(b => new AnswerSpan(b.Key.Item1, b.Key.Item2, b.Value))];
    }

    /// <summary>The score that there is no answer: the lowest over rows of the first token's two logits together.</summary>
    /// <remarks>SQuAD 2.0's rule: there is none where this is above the best answer's score by more than a threshold.</remarks>
    /// <param name="startLogits">For each row the logits of starts, at least one.</param>
    /// <param name="endLogits">For each row the logits of ends.</param>
    /// <exception cref="ArgumentException">There is no row, or they are not as many.</exception>
    public static double NoAnswerScore(IReadOnlyList<float[]> startLogits, IReadOnlyList<float[]> endLogits)
    {
        ArgumentNullException.ThrowIfNull(startLogits);
        ArgumentNullException.ThrowIfNull(endLogits);
        if (startLogits.Count == 0 || startLogits.Count != endLogits.Count)
            throw new ArgumentException($"There are {startLogits.Count} rows of start and {endLogits.Count} of end logits; they must be as many, at least 1.", nameof(startLogits));
        return startLogits.Zip(endLogits, (start, end) => (double)start[0] + end[0]).Min();
    }

    private static int[] Likeliest(int[] tokens, float[] logits, int count) => [.. tokens.Where(t => !float.IsNaN(logits[t])).OrderByDescending(t => logits[t]).Take(count)];
}
