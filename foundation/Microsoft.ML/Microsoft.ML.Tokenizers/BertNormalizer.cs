using System.Globalization;
using System.Text;

namespace Microsoft.ML.Tokenizers;

/// <summary>What BERT does to text: no control characters, plain spaces, spaces around ideographs; small letters and no accents where asked for.</summary>
internal sealed class BertNormalizer(bool lowerCase, bool splitIdeographs, bool removeMarks) : Normalizer
{
    private static readonly (int First, int Last)[] Ideographs =
    [
        (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F),
    ];

    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());

    public override string Normalize(string original)
    {
        var text = new StringBuilder(original.Length);
        foreach (var rune in (removeMarks ? original.Normalize(NormalizationForm.FormD) : original).EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            // A lone surrogate arrives as the replacement character, which is left out as in the real library.
            if (rune.Value is 0 or 0xFFFD || category == UnicodeCategory.Control || (removeMarks && category == UnicodeCategory.NonSpacingMark))
                continue;
            if (category == UnicodeCategory.SpaceSeparator)
                text.Append(' ');
            else if (lowerCase && category == UnicodeCategory.UppercaseLetter)
                text.Append(Rune.ToLowerInvariant(rune));
            else if (splitIdeographs && IsIdeograph(rune.Value))
                text.Append(' ').Append(rune).Append(' ');
            else
                text.Append(rune);
        }
        return text.ToString().Normalize(NormalizationForm.FormC);
    }

    private static bool IsIdeograph(int value) => value >= Ideographs[0].First && Array.Exists(Ideographs, r => value >= r.First && value <= r.Last);
}
