using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.PostProcessors;

/// <summary>Takes the blanks at the ends of byte-level tokens out of their offsets.</summary>
internal static class OffsetTrimming
{
    private static readonly char Blank = ByteAlphabet.Char((byte)' ');

    /// <summary>The trimmed range of a token.</summary>
    /// <param name="token">The token as text.</param>
    /// <param name="text">The text that the range is of; it is cut between characters only.</param>
    /// <param name="range">Its range.</param>
    /// <param name="first">Whether it is the first of its text.</param>
    /// <param name="prefixAdded">Whether the tokenizer puts a blank before texts, which is in no range.</param>
    public static (int Start, int End) Trim(string token, string text, (int Start, int End) range, bool first, bool prefixAdded)
    {
        var (leading, trailing) = (0, 0);
        while (leading < token.Length && IsBlank(token[leading]))
            leading++;
        while (trailing < token.Length && IsBlank(token[^(trailing + 1)]))
            trailing++;
        if (leading == 1 && prefixAdded && (first || range.Start == 0))
            leading = 0;
        var start = range.Start + leading;
        start = Math.Min(IsInsidePair(text, start) ? start + 1 : start, range.End);
        if (trailing == 0 || range.End < trailing)
            return (start, range.End);
        var end = range.End - trailing;
        return (start, Math.Max(IsInsidePair(text, end) ? end - 1 : end, start));
    }

    private static bool IsInsidePair(string text, int position) => position > 0 && position < text.Length && char.IsSurrogatePair(text[position - 1], text[position]);

    private static bool IsBlank(char c) => c == Blank || CharKinds.IsSpace(c);
}
