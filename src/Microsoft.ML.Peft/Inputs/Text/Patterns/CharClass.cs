using System.Globalization;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>A named class of characters, such as <c>\s</c> or <c>\p{Lu}</c>.</summary>
internal sealed class CharClass
{
    public static readonly CharClass Space = new(code => (CharKinds.Of(code) & CharKind.Space) != 0);
    public static readonly CharClass Digit = new(code => CharUnicodeInfo.GetUnicodeCategory(code) == UnicodeCategory.DecimalDigitNumber);
    public static readonly CharClass Word = new(CharKinds.IsWord);
    public static readonly CharClass HexDigit = new(code => code < 128 && char.IsAsciiHexDigit((char)code));
    public static readonly CharClass Any = new(_ => true);
    public static readonly CharClass Letter = new(code => (CharKinds.Of(code) & CharKind.Letter) != 0);
    public static readonly CharClass Number = new(code => (CharKinds.Of(code) & CharKind.Number) != 0);

    private static readonly Dictionary<string, UnicodeCategory[]> Categories = new(StringComparer.OrdinalIgnoreCase)
    {
        ["M"] = [UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark],
        ["S"] = [UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol],
        ["Z"] = [UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator],
        ["C"] = [UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.Surrogate, UnicodeCategory.PrivateUse, UnicodeCategory.OtherNotAssigned],
        ["Lu"] = [UnicodeCategory.UppercaseLetter],
        ["Ll"] = [UnicodeCategory.LowercaseLetter],
        ["Lt"] = [UnicodeCategory.TitlecaseLetter],
        ["Lm"] = [UnicodeCategory.ModifierLetter],
        ["Lo"] = [UnicodeCategory.OtherLetter],
        ["Mn"] = [UnicodeCategory.NonSpacingMark],
        ["Mc"] = [UnicodeCategory.SpacingCombiningMark],
        ["Me"] = [UnicodeCategory.EnclosingMark],
        ["Nd"] = [UnicodeCategory.DecimalDigitNumber],
        ["Nl"] = [UnicodeCategory.LetterNumber],
        ["No"] = [UnicodeCategory.OtherNumber],
        ["Pc"] = [UnicodeCategory.ConnectorPunctuation],
        ["Pd"] = [UnicodeCategory.DashPunctuation],
        ["Ps"] = [UnicodeCategory.OpenPunctuation],
        ["Pe"] = [UnicodeCategory.ClosePunctuation],
        ["Pi"] = [UnicodeCategory.InitialQuotePunctuation],
        ["Pf"] = [UnicodeCategory.FinalQuotePunctuation],
        ["Po"] = [UnicodeCategory.OtherPunctuation],
        ["Sm"] = [UnicodeCategory.MathSymbol],
        ["Sc"] = [UnicodeCategory.CurrencySymbol],
        ["Sk"] = [UnicodeCategory.ModifierSymbol],
        ["So"] = [UnicodeCategory.OtherSymbol],
        ["Zs"] = [UnicodeCategory.SpaceSeparator],
        ["Zl"] = [UnicodeCategory.LineSeparator],
        ["Zp"] = [UnicodeCategory.ParagraphSeparator],
        ["Cc"] = [UnicodeCategory.Control],
        ["Cf"] = [UnicodeCategory.Format],
        ["Co"] = [UnicodeCategory.PrivateUse],
        ["Cn"] = [UnicodeCategory.OtherNotAssigned],
    };

    private readonly Func<int, bool> _contains;

    private CharClass(Func<int, bool> contains) => _contains = contains;

    public bool Contains(int code) => _contains(code);

    /// <summary>The class of <c>\p{name}</c>, or null if there is none of this name.</summary>
    public static CharClass? Named(string name)
    {
        name = name.Replace("_", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);
        if (name.StartsWith("Script=", StringComparison.OrdinalIgnoreCase))
            name = name["Script=".Length..];
        switch (name.ToUpperInvariant())
        {
            case "L" or "LETTER" or "ALPHA" or "ALPHABETIC":
                return Letter;
            case "N" or "NUMBER":
                return Number;
            case "ALNUM":
                return new CharClass(code => (CharKinds.Of(code) & CharKind.Letter) != 0 || Digit.Contains(code));
            case "P" or "PUNCTUATION":
                return new CharClass(code => (CharKinds.Of(code) & CharKind.Punctuation) != 0);
            case "PUNCT":
                // The class of this name holds the symbols too.
                return new CharClass(code => (CharKinds.Of(code) & CharKind.Punctuation) != 0 || Array.IndexOf(Categories["S"], CharUnicodeInfo.GetUnicodeCategory(code)) >= 0);
            case "UPPER":
                return Named("Lu");
            case "LOWER":
                return Named("Ll");
            case "CNTRL":
                return Named("Cc");
            case "XDIGIT":
                return HexDigit;
            case "BLANK":
                return new CharClass(code => code == '\t' || CharUnicodeInfo.GetUnicodeCategory(code) == UnicodeCategory.SpaceSeparator);
            case "ASCII":
                return new CharClass(code => code < 128);
            case "SPACE":
                return Space;
            case "DIGIT":
                return Digit;
            case "WORD":
                return Word;
        }
        if (Categories.TryGetValue(name, out var categories))
            return new CharClass(code => Array.IndexOf(categories, CharUnicodeInfo.GetUnicodeCategory(code)) >= 0);
        return Scripts.Named(name) is { } script ? new CharClass(code => Scripts.Of(code) == script) : null;
    }
}
