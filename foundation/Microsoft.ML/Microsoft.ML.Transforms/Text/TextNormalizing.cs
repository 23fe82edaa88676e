using System.Text;

namespace Microsoft.ML.Transforms.Text;

/// <summary>How texts are brought to one form, character by character: without what is not kept, then in one case.</summary>
internal sealed record TextNormalizing(TextNormalizingEstimator.CaseMode Case, bool KeepDiacritics, bool KeepPunctuations, bool KeepNumbers)
{
    // The first letters of the canonical decompositions of whole blocks, a dash where there is none. A table, since string.Normalize does
    // nothing where a program asks for invariant globalization.

    private const char FirstLatin = '\u00C0', FirstGreek = '\u0386', FirstCyrillic = '\u0400';

    private const string Latin =
        "AAAAAA-CEEEEIIII-NOOOOO--UUUUY--aaaaaa-ceeeeiiii-nooooo--uuuuy-yAaAaAaCcCcCcCcDd--EeEeEeEeEeGgGgGgGgHh--IiIiIi" +
        "IiI---JjKk-LlLlLl----NnNnNn---OoOoOo--RrRrRrSsSsSsSsTtTt--UuUuUuUuUuUuWwYyYZzZzZz-----------------------------" +
        "----Oo-------------Uu----------------------------AaIiOoUuUuUuUuUu-AaAaÆæ--GgKkOoOoƷʒj---Gg--NnAaÆæØøAaAaEeEeIi" +
        "IiOoOoRrRrUuUuSsTt--Hh------AaEeOoOoOoOoYy";

    private const string Greek =
        "Α-ΕΗΙ-Ο-ΥΩι-------------------------ΙΥαεηιυ-------------------------ιυουω----ϒϒ";

    private const string Cyrillic =
        "ЕЕ-Г---І----КИУ----------И-------------------------------и----------------------ее-г---і----киу---------------" +
        "--------Ѵѵ-------------------------------------------------------------------------Жж-------------АаАа--Ее--Әә" +
        "ЖжЗз--ИиИиОо--ӨөЭэУуУуУуЧч--Ыы";

    public ReadOnlyMemory<char> Apply(ReadOnlyMemory<char> text, StringBuilder buffer)
    {
        buffer.Clear();
        bool changed = false;
        foreach (char c in text.Span)
        {
            if ((!KeepPunctuations && char.IsPunctuation(c)) || (!KeepNumbers && char.IsNumber(c)) || (!KeepDiacritics && IsMark(c)))
            {
                changed = true;
                continue;
            }
            char plain = KeepDiacritics ? c : WithoutMarks(c);
            if (Case == TextNormalizingEstimator.CaseMode.Lower)
                plain = char.ToLowerInvariant(plain);
            else if (Case == TextNormalizingEstimator.CaseMode.Upper)
                plain = char.ToUpperInvariant(plain);
            changed |= plain != c;
            buffer.Append(plain);
        }
        return changed ? buffer.ToString().AsMemory() : text;
    }

    /// <summary>Marks that stand behind the letter they belong to: Latin, Hebrew and Arabic ones.</summary>
    private static bool IsMark(char c) =>
        c is (>= '\u0300' and <= '\u036F') or (>= '\u0591' and <= '\u05BD') or '\u05C1' or '\u05C2' or '\u05C4' or '\u05C5' or '\u05C7'
            or (>= '\u0610' and <= '\u0615') or (>= '\u064C' and <= '\u065E') or '\u0670';

    /// <summary>A Latin, Greek or Cyrillic letter with all marks taken off; other letters are kept as they are.</summary>
    private static char WithoutMarks(char c) => c < FirstLatin ? c
        : c < FirstGreek ? In(Latin, FirstLatin, c) : c < FirstCyrillic ? In(Greek, FirstGreek, c) : In(Cyrillic, FirstCyrillic, c);

    private static char In(string block, char first, char c) => c - first < block.Length && block[c - first] != '-' ? block[c - first] : c;
}
