using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>The two expressions that nearly all byte-level tokenizers split by, written out by hand for speed.</summary>
/// <remarks>
/// GPT-2's: contractions, then words, numbers and others, each with the blank before it, then white space. The later one
/// (cl100k, LLaMA 3, Qwen): contractions in any case, words with one character before them, numbers in groups, others with
/// line ends after them, white space that ends in a line end.
/// </remarks>
internal sealed class WordScanner : ITextPattern
{
    /// <summary>The expression of GPT-2, which the byte-level pre-tokenizer has built in.</summary>
    public static readonly WordScanner Gpt2 = new(later: false, digits: int.MaxValue);

    private const string Gpt2Text = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Gpt2ShortText = @"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string LaterHead = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string LaterTail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly bool _later;
    private readonly int _digits;

    private WordScanner(bool later, int digits) => (_later, _digits) = (later, digits);

    /// <summary>The scanner that does what an expression does, if there is one.</summary>
    public static WordScanner? Known(string expression) => expression switch
    {
        Gpt2Text or Gpt2ShortText => Gpt2,
        LaterHead + @"\p{N}{1,3}" + LaterTail => new WordScanner(later: true, digits: 3),
        LaterHead + @"\p{N}" + LaterTail => new WordScanner(later: true, digits: 1),
        LaterHead + @"\p{N}+" + LaterTail => new WordScanner(later: true, digits: int.MaxValue),
        _ => null,
    };

    public int Find(ReadOnlySpan<char> text, int from, ref long budget, out int end)
    {
        end = from;
        if (from >= text.Length)
            return -1;
        end = _later ? EndLater(text, from) : EndGpt2(text, from);
        return from;
    }

    /// <summary>Where GPT-2's first piece ends if a blank is thought to stand before <paramref name="at"/>.</summary>
    public static int EndAfterBlank(ReadOnlySpan<char> text, int at)
    {
        var kind = KindOf(text, at, out _);
        var end = EndOfRun(text, at, kind);
        return kind == CharKind.Space && end < text.Length ? end - 1 : end;
    }

    private static int EndGpt2(ReadOnlySpan<char> text, int at)
    {
        var c = text[at];
        if (c == '\'' && Contraction(text, at, anyCase: false) is > 0 and var length)
            return at + length;
        var kind = KindOf(text, at, out var units);
        if (kind != CharKind.Space)
            return EndOfRun(text, at + units, kind);
        if (c == ' ' && at + 1 < text.Length && KindOf(text, at + 1, out units) is var next && next != CharKind.Space)
            return EndOfRun(text, at + 1 + units, next);
        return EndOfBlanks(text, at);
    }

    private int EndLater(ReadOnlySpan<char> text, int at)
    {
        var c = text[at];
        if (c == '\'' && Contraction(text, at, anyCase: true) is > 0 and var length)
            return at + length;
        var kind = KindOf(text, at, out var units);
        if (kind == CharKind.Letter)
            return EndOfRun(text, at + units, CharKind.Letter);
        if (kind == CharKind.Number)
            return EndOfNumber(text, at + units);
        var next = CharKind.Space;
        var nextUnits = 1;
        if (at + units < text.Length)
            next = KindOf(text, at + units, out nextUnits);
        if (c is not ('\r' or '\n') && next == CharKind.Letter)
            return EndOfRun(text, at + units + nextUnits, CharKind.Letter);
        if (kind == CharKind.None)
            return AfterLineEnds(text, EndOfRun(text, at + units, CharKind.None));
        if (c == ' ' && at + 1 < text.Length && next == CharKind.None)
            return AfterLineEnds(text, EndOfRun(text, at + 1 + nextUnits, CharKind.None));
        var lastLineEnd = -1;
        for (var i = at; i < text.Length && CharKinds.IsSpace(text[i]); i++)
        {
            if (text[i] is '\r' or '\n')
                lastLineEnd = i;
        }
        return lastLineEnd >= 0 ? lastLineEnd + 1 : EndOfBlanks(text, at);
    }

    /// <summary>Letter, number, space, or none of these.</summary>
    private static CharKind KindOf(ReadOnlySpan<char> text, int at, out int units) =>
        CharKinds.At(text, at, out units) & (CharKind.Letter | CharKind.Number | CharKind.Space);

    private static int EndOfRun(ReadOnlySpan<char> text, int at, CharKind kind)
    {
        while (at < text.Length && KindOf(text, at, out var units) == kind)
            at += units;
        return at;
    }

    private int EndOfNumber(ReadOnlySpan<char> text, int at)
    {
        for (var count = 1; count < _digits && at < text.Length && KindOf(text, at, out var units) == CharKind.Number; count++)
            at += units;
        return at;
    }

    private static int AfterLineEnds(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && text[at] is '\r' or '\n')
            at++;
        return at;
    }

    /// <summary>A run of blanks leaves its last one to the word after it.</summary>
    private static int EndOfBlanks(ReadOnlySpan<char> text, int at)
    {
        var end = at;
        while (end < text.Length && CharKinds.IsSpace(text[end]))
            end++;
        return end < text.Length && end - at > 1 ? end - 1 : end;
    }

    private static int Contraction(ReadOnlySpan<char> text, int at, bool anyCase)
    {
        if (at + 1 >= text.Length)
            return 0;
        var first = Fold(text[at + 1], anyCase);
        if (first is 's' or 't' or 'm' or 'd')
            return 2;
        if (at + 2 >= text.Length)
            return 0;
        return (first, Fold(text[at + 2], anyCase)) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    // The long s is a form of s where case does not count.
    private static char Fold(char c, bool anyCase) => !anyCase ? c : c == '\u017F' ? 's' : c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c;
}
