using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Where a blank is put before a text.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Writes blanks as a visible character, puts one before texts, and splits before each.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme prepend, bool split) : PreTokenizerStep
{
    /// <summary>Whether it must know where in the original text a piece began.</summary>
    public bool NeedsOrigins => prepend == PrependScheme.First;

    /// <summary>Replacement and scheme of a pre-tokenizer or decoder; older files say <c>add_prefix_space</c>.</summary>
    public static (char Replacement, PrependScheme Prepend) ReadSettings(JsonPart json)
    {
        var replacement = json.Get("replacement").String("▁");
        if (replacement.Length != 1)
            throw json.Get("replacement").Error($"is '{replacement}'; it must be one character below U+10000.", ModelFormatError.Unsupported);
        var scheme = json.Get("prepend_scheme").String(json.Get("add_prefix_space").Bool(true) ? "always" : "never");
        var prepend = scheme switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw json.Get("prepend_scheme").Error($"is '{scheme}'; allowed are always, first and never.", ModelFormatError.Unsupported),
        };
        return (replacement[0], prepend);
    }

    public override PreTokenizerStep WithoutSplit() => new MetaspacePreTokenizer(replacement, prepend, split: false);

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
            var first = source.Chars[piece.Start];
            var wanted = prepend == PrependScheme.Always || (prepend == PrependScheme.First && source.From(piece.Start) == 0);
            if (wanted && first != ' ' && first != replacement)
                text.Add(replacement, source, piece.Start);
            text.AddRange(source, piece.Start, piece.Length);
            text.Chars.AsSpan(start, text.Length - start).Replace(' ', replacement);
            if (split)
                Split(pieces, start);
            else
                pieces.Add(start, text.Length);
        }
    }

    /// <summary>Each replacement begins a piece; of several in a row each is one, and the last takes the word.</summary>
    private void Split(PieceList pieces, int start)
    {
        var text = pieces.Text;
        for (var i = start + 1; i < text.Length; i++)
        {
            if (text.Chars[i] != replacement)
                continue;
            pieces.Add(start, i);
            start = i;
        }
        pieces.Add(start, text.Length);
    }
}
