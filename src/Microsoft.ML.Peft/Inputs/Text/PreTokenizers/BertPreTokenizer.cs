using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits at white space, which it drops, and makes every punctuation character a piece of its own.</summary>
internal sealed class BertPreTokenizer : PreTokenizerStep
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
            var start = piece.Start;
            var span = text.Text;
            for (var i = piece.Start; i < piece.End; i++)
            {
                var c = span[i];
                if (char.IsAsciiLetterOrDigit(c))
                    continue;
                var kind = CharKinds.At(span, i, out var units);
                if ((kind & CharKind.Space) != 0)
                {
                    pieces.Add(start, i);
                    start = i + 1;
                }
                else if (IsPunctuation(c, kind))
                {
                    pieces.Add(start, i);
                    pieces.Add(i, i + units);
                    start = i + units;
                }
                i += units - 1;
            }
            pieces.Add(start, piece.End);
        }
    }

    // ASCII symbols such as '$' and '^' count as punctuation here, whatever their category.
    private static bool IsPunctuation(char c, CharKind kind) =>
        (kind & CharKind.Punctuation) != 0 || c is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~');
}
