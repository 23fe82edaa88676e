using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits as GPT-2 does and writes every byte as a printable character.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool split) : PreTokenizerStep
{
    public override PreTokenizerStep WithoutSplit() => new ByteLevelPreTokenizer(addPrefixSpace, split: false);

    public override void Apply(PieceList pieces)
    {
        var old = pieces.Take();
        var source = pieces.TakeText();
        var text = pieces.Text;
        foreach (var piece in old)
        {
            var start = text.Length;
            if (piece.Token != Piece.NoToken)
            {
                text.AddRange(source, piece.Start, piece.Length);
                pieces.Add(start, text.Length, piece.Token);
                continue;
            }
            var blank = addPrefixSpace && source.Chars[piece.Start] != ' ';
            if (!split)
            {
                if (blank)
                    text.Add(ByteAlphabet.Char((byte)' '), source, piece.Start);
                ByteAlphabet.Append(source, piece.Start, piece.End, text);
                pieces.Add(start, text.Length);
            }
            else
            {
                Split(source, piece, blank, pieces);
            }
        }
    }

    private static void Split(TextBuffer source, Piece piece, bool blank, PieceList pieces)
    {
        var text = pieces.Text;
        var span = source.Text[..piece.End];
        var budget = long.MaxValue;
        var position = piece.Start;
        if (blank)
        {
            var start = text.Length;
            text.Add(ByteAlphabet.Char((byte)' '), source, piece.Start);
            position = WordScanner.EndAfterBlank(span, position);
            ByteAlphabet.Append(source, piece.Start, position, text);
            pieces.Add(start, text.Length);
        }
        while (position < piece.End)
        {
            var start = text.Length;
            WordScanner.Gpt2.Find(span, position, ref budget, out var end);
            ByteAlphabet.Append(source, position, end, text);
            pieces.Add(start, text.Length);
            position = end;
        }
    }
}
