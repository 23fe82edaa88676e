using System.Globalization;
using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.Unicode;

/// <summary>The character classes that tokenizers ask for, one table look-up each.</summary>
[Flags]
internal enum CharKind : byte
{
    None = 0,

    /// <summary>White space as Unicode's White_Space says.</summary>
    Space = 1,

    /// <summary>General category P*.</summary>
    Punctuation = 2,

    /// <summary>General category L*.</summary>
    Letter = 4,

    /// <summary>General category N*.</summary>
    Number = 8,

    /// <summary>General category Mn.</summary>
    NonSpacingMark = 16,

    /// <summary>General category Mc or Me.</summary>
    OtherMark = 32,

    /// <summary>Control, format, private use: categories Cc, Cf, Co.</summary>
    Control = 64,

    /// <summary>Connector punctuation, category Pc.</summary>
    Connector = 128,
}

/// <summary>Looks up <see cref="CharKind"/>.</summary>
internal static class CharKinds
{
    private static readonly CharKind[] Basic = MakeBasic();

    /// <summary>Kind of a UTF-16 unit; surrogates have none.</summary>
    public static CharKind Of(char c) => Basic[c];

    /// <summary>Kind of a code point.</summary>
    public static CharKind Of(int code) => code < 0x10000 ? Basic[code] : Compute(code);

    /// <summary>Kind of the character at <paramref name="index"/>, and how many units it has.</summary>
    public static CharKind At(ReadOnlySpan<char> text, int index, out int length)
    {
        var c = text[index];
        if (char.IsHighSurrogate(c) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return Compute(char.ConvertToUtf32(c, text[index + 1]));
        }
        length = 1;
        return Basic[c];
    }

    public static bool IsSpace(char c) => (Basic[c] & CharKind.Space) != 0;

    /// <summary>What a regular expression calls <c>\w</c>: letters, marks, decimal digits, connectors, joiners.</summary>
    public static bool IsWord(int code)
    {
        if (code is 0x200C or 0x200D)
            return true;
        var kind = Of(code);
        if ((kind & (CharKind.Letter | CharKind.NonSpacingMark | CharKind.OtherMark | CharKind.Connector)) != 0)
            return true;
        return (kind & CharKind.Number) != 0 && CharUnicodeInfo.GetUnicodeCategory(code) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            || code is >= 0x24B6 and <= 0x24E9; // circled letters are alphabetic by property
    }

    private static CharKind[] MakeBasic()
    {
        var kinds = new CharKind[0x10000];
        for (var code = 0; code < kinds.Length; code++)
            kinds[code] = Compute(code);
        return kinds;
    }

    private static CharKind Compute(int code)
    {
        var kind = CharUnicodeInfo.GetUnicodeCategory(code) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharKind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharKind.Number,
            UnicodeCategory.NonSpacingMark => CharKind.NonSpacingMark,
            UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => CharKind.OtherMark,
            UnicodeCategory.ConnectorPunctuation => CharKind.Punctuation | CharKind.Connector,
            UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
                or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
                or UnicodeCategory.OtherPunctuation => CharKind.Punctuation,
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse => CharKind.Control,
            _ => CharKind.None,
        };
        if (Rune.IsValid(code) && Rune.IsWhiteSpace(new Rune(code)))
            kind |= CharKind.Space;
        return kind;
    }
}
