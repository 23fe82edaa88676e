using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits where the script changes; blanks go with what is before them, Japanese scripts count as Han.</summary>
internal sealed class ScriptPreTokenizer : PreTokenizerStep
{
    private const int Any = -1;
    private const int None = -2;

    private static readonly int Han = Scripts.Named("Han") ?? Any;
    private static readonly int Hiragana = Scripts.Named("Hiragana") ?? Any;
    private static readonly int Katakana = Scripts.Named("Katakana") ?? Any;

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
            var last = None;
            var start = -1;
            for (var i = piece.Start; i < piece.End;)
            {
                var script = ScriptOf(text.CodeAt(i, out var units));
                if (script != Any && script != last)
                {
                    // What stands before the first script of a piece is dropped, as the reference does.
                    if (start >= 0)
                        pieces.Add(start, i);
                    start = i;
                    last = script;
                }
                i += units;
            }
            if (start >= 0)
                pieces.Add(start, piece.End);
        }
    }

    private static int ScriptOf(int code)
    {
        if (code == 0x30FC)
            return Han;
        if (code == ' ')
            return Any;
        var script = Scripts.Of(code);
        return script == Hiragana || script == Katakana ? Han : script;
    }
}
