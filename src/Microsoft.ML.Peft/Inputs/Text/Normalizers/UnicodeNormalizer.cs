using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>One of Unicode's four normal forms.</summary>
internal sealed class UnicodeNormalizer(bool compatible, bool compose) : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        if (IsPlain(source.Text))
            return false;
        var parts = Decompose(source);
        if (compose)
            parts = Compose(parts);
        // A part says how it lies to the text: 0 takes the next character, +1 none, −n takes n more with it.
        var (next, last) = (0, 0);
        foreach (var (code, change) in parts)
        {
            if (change <= 0 && next < source.Length)
            {
                last = next;
                for (var taken = 0; taken <= -change && next < source.Length; taken++)
                {
                    source.CodeAt(next, out var units);
                    next += units;
                }
                target.AddCode(code, source, last);
            }
            else
            {
                // What has been put in belongs to the character before it, the last one that was taken.
                target.AddCode(code, source, Math.Max(next - 1, 0));
            }
        }
        return true;
    }

    private static bool IsPlain(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!UnicodeTables.IsPlain(c))
                return false;
        }
        return true;
    }

    private List<(int Code, int Change)> Decompose(TextBuffer source)
    {
        var parts = new List<(int Code, int Change)>(source.Length);
        Span<int> expansion = stackalloc int[UnicodeTables.LongestDecomposition];
        var run = 0; // where the marks begin that may still change places
        for (var i = 0; i < source.Length;)
        {
            var code = source.CodeAt(i, out var units);
            i += units;
            var count = code < 0xA0 ? 0 : UnicodeTables.Decompose(code, compatible, expansion);
            if (count == 0)
            {
                expansion[0] = code;
                count = 1;
            }
            for (var k = 0; k < count; k++)
            {
                if (UnicodeTables.CombiningClass(expansion[k]) == 0)
                {
                    SortMarks(parts, run);
                    parts.Add((expansion[k], k == 0 ? 0 : 1));
                    run = parts.Count;
                }
                else
                {
                    parts.Add((expansion[k], k == 0 ? 0 : 1));
                }
            }
        }
        SortMarks(parts, run);
        return parts;
    }

    /// <summary>Sorts a run of marks by class, equals in place; long runs, which no language has, in n·log n.</summary>
    private static void SortMarks(List<(int Code, int Change)> parts, int run)
    {
        if (parts.Count - run < 2)
            return;
        var sorted = parts.GetRange(run, parts.Count - run).OrderBy(part => UnicodeTables.CombiningClass(part.Code)).ToList();
        for (var i = 0; i < sorted.Count; i++)
            parts[run + i] = sorted[i];
    }

    private static List<(int Code, int Change)> Compose(List<(int Code, int Change)> parts)
    {
        var result = new List<(int Code, int Change)>(parts.Count);
        var starter = -1; // its place in the result
        var lastClass = 0;
        foreach (var (code, change) in parts)
        {
            var combining = UnicodeTables.CombiningClass(code);
            var blocked = starter >= 0 && result.Count - 1 > starter && lastClass >= combining;
            if (starter >= 0 && !blocked && UnicodeTables.Compose(result[starter].Code, code) is >= 0 and var composed)
            {
                result[starter] = (composed, result[starter].Change + change - 1);
                continue;
            }
            if (combining == 0)
                starter = result.Count;
            lastClass = combining;
            result.Add((code, change));
        }
        return result;
    }
}
