using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits at the matches of a pattern, or, turned round, at what lies between them.</summary>
internal sealed class SplitPreTokenizer(ITextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizerStep
{
    /// <summary>Words and runs of punctuation; white space is dropped.</summary>
    public static SplitPreTokenizer Whitespace() => new(Pattern.Compile(@"\w+|[^\w\s]+"), SplitBehavior.Removed, invert: true);

    public override void Apply(PieceList pieces)
    {
        var splitter = new Splitter(behavior);
        var text = pieces.Text;
        foreach (var piece in pieces.Take())
        {
            if (piece.Token != Piece.NoToken)
                pieces.Add(piece.Start, piece.End, piece.Token);
            else if (behavior == SplitBehavior.Isolated)
                Isolate(text.Text[piece.Start..piece.End], piece.Start, pieces);
            else
                Collect(text.Text[piece.Start..piece.End], piece.Start, splitter, pieces);
        }
    }

    /// <summary>The usual case, which needs no list.</summary>
    private void Isolate(ReadOnlySpan<char> text, int origin, PieceList pieces)
    {
        var budget = Pattern.BudgetFor(text.Length);
        var (position, taken) = (0, 0);
        while (position < text.Length && pattern.Find(text, position, ref budget, out var end) is >= 0 and var start)
        {
            pieces.Add(origin + taken, origin + start);
            pieces.Add(origin + start, origin + end);
            taken = end;
            position = end > start ? end : end + 1;
        }
        pieces.Add(origin + taken, origin + text.Length);
    }

    private void Collect(ReadOnlySpan<char> text, int origin, Splitter splitter, PieceList pieces)
    {
        var budget = Pattern.BudgetFor(text.Length);
        var (position, taken) = (0, 0);
        while (position <= text.Length && pattern.Find(text, position, ref budget, out var end) is >= 0 and var start)
        {
            if (taken < start)
                splitter.Add(origin + taken, origin + start, delimiter: invert);
            splitter.Add(origin + start, origin + end, delimiter: !invert);
            taken = end;
            position = end > start ? end : end + 1;
        }
        if (taken < text.Length)
            splitter.Add(origin + taken, origin + text.Length, delimiter: invert);
        splitter.Flush(pieces);
    }
}
