using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits at characters of a kind: white space, digits, punctuation, or one given character.</summary>
internal sealed class CharPreTokenizer(Func<int, CharKind, bool> isDelimiter, SplitBehavior behavior) : PreTokenizerStep
{
    public static CharPreTokenizer WhitespaceSplit() => new((_, kind) => (kind & CharKind.Space) != 0, SplitBehavior.Removed);

    public static CharPreTokenizer Digits(bool individual) =>
        new((_, kind) => (kind & CharKind.Number) != 0, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous);

    public static CharPreTokenizer Punctuation(SplitBehavior behavior) => new((code, kind) => (kind & CharKind.Punctuation) != 0 || IsAsciiSymbol(code), behavior);

    public static CharPreTokenizer Delimiter(int delimiter) => new((code, _) => code == delimiter, SplitBehavior.Removed);

    public override void Apply(PieceList pieces)
    {
        var splitter = new Splitter(behavior);
        var text = pieces.Text;
        foreach (var piece in pieces.Take())
        {
            if (piece.Token != Piece.NoToken)
            {
                pieces.Add(piece.Start, piece.End, piece.Token);
                continue;
            }
            var start = piece.Start;
            for (var i = piece.Start; i < piece.End;)
            {
                var code = text.CodeAt(i, out var units);
                if (isDelimiter(code, CharKinds.Of(code)))
                {
                    if (start < i)
                        splitter.Add(start, i, delimiter: false);
                    splitter.Add(i, i + units, delimiter: true);
                    start = i + units;
                }
                i += units;
            }
            if (start < piece.End)
                splitter.Add(start, piece.End, delimiter: false);
            splitter.Flush(pieces);
        }
    }

    internal static bool IsAsciiSymbol(int code) => code is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~');
}

/// <summary>Cuts text into stretches of a fixed number of characters.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizerStep
{
    public override void Apply(PieceList pieces)
    {
        var text = pieces.Text;
        foreach (var piece in pieces.Take())
        {
            if (piece.Token != Piece.NoToken)
            {
                pieces.Add(piece.Start, piece.End, piece.Token);
                continue;
            }
            var (start, count) = (piece.Start, 0);
            for (var i = piece.Start; i < piece.End;)
            {
                if (count == length)
                {
                    pieces.Add(start, i);
                    (start, count) = (i, 0);
                }
                text.CodeAt(i, out var units);
                i += units;
                count++;
            }
            pieces.Add(start, piece.End);
        }
    }
}
