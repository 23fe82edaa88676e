namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>Which pieces of a word carry its label.</summary>
public enum LabelledPieces
{
    /// <summary>The first piece; the others count for nothing in the loss.</summary>
    First,

    /// <summary>Every piece.</summary>
    All,
}

/// <summary>Carries labels from words and characters over to tokens.</summary>
public static class TokenAlignment
{
    /// <summary>The label that losses leave out.</summary>
    public const int Ignored = -100;

    /// <summary>For each token the label of its word, or <see cref="Ignored"/>.</summary>
    /// <param name="row">A row with details, such as <see cref="HuggingFaceTokenizer.EncodeWords"/> gives.</param>
    /// <param name="labels">A label for each word; words that were cut off need none.</param>
    /// <param name="pieces">Which pieces of a word carry its label.</param>
    /// <exception cref="ArgumentException">The row has no details, or a word of the row has no label.</exception>
    public static int[] Labels(TextEncoding row, IReadOnlyList<int> labels, LabelledPieces pieces = LabelledPieces.First)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(labels);
        var words = row.WordIds ?? throw new ArgumentException("The row has no word numbers; encode it with details.", nameof(row));
        var result = new int[words.Length];
        var previous = -1;
        for (var i = 0; i < words.Length; i++)
        {
            var word = row.SequenceIds![i] == 0 ? words[i] : -1;
            if (word >= labels.Count)
                throw new ArgumentException($"The row has a word number {word} and there are {labels.Count} labels.", nameof(labels));
            result[i] = word < 0 || (word == previous && pieces == LabelledPieces.First) ? Ignored : labels[word];
            previous = word;
        }
        return result;
    }

    /// <summary>The first and last token of a stretch of text, or null if the row does not hold all of it.</summary>
    /// <param name="row">A row with details, such as one of the rows that a stride makes.</param>
    /// <param name="start">First UTF-16 unit of the stretch in its text.</param>
    /// <param name="end">Unit after the stretch; more than <paramref name="start"/>.</param>
    /// <param name="sequence">Which text: 0 for the first, 1 for the second, as in question and context.</param>
    /// <exception cref="ArgumentException">The row has no details, or the stretch is empty.</exception>
    public static (int First, int Last)? Span(TextEncoding row, int start, int end, int sequence = 1)
    {
        ArgumentNullException.ThrowIfNull(row);
        var offsets = row.Offsets ?? throw new ArgumentException("The row has no offsets; encode it with details.", nameof(row));
        if (start < 0 || end <= start)
            throw new ArgumentException($"The stretch from {start} to {end} is empty.", nameof(end));
        var (first, last, from, to) = (-1, -1, int.MaxValue, -1);
        for (var i = 0; i < offsets.Length; i++)
        {
            if (row.SequenceIds![i] != sequence || offsets[i].End == offsets[i].Start)
                continue;
            (from, to) = (Math.Min(from, offsets[i].Start), Math.Max(to, offsets[i].End));
            if (offsets[i].End <= start || offsets[i].Start >= end)
                continue;
            if (first < 0)
                first = i;
            last = i;
        }
        // A row that begins or ends inside the stretch holds only a part of it.
        return first >= 0 && from <= start && to >= end ? (first, last) : null;
    }
}
