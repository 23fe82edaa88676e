using System.Text;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>A set of code points: ranges, classes of characters, other sets; possibly turned inside out.</summary>
internal sealed class CharSet
{
    private readonly List<(int First, int Last)> _ranges = [];
    private readonly List<(CharClass Class, bool Negated)> _classes = [];
    private readonly List<CharSet> _nested = [];
    private CharSet? _intersection;
    private bool _negated;
    private bool _ignoreCase;
    private ulong _asciiLow;
    private ulong _asciiHigh;

    public void AddRange(int first, int last) => _ranges.Add((first, last));

    public void AddClass(CharClass item, bool negated) => _classes.Add((item, negated));

    public void AddNested(CharSet set) => _nested.Add(set);

    /// <summary>Keeps only what is in the other set too.</summary>
    public void Intersect(CharSet other) => _intersection = other;

    /// <summary>Fixes the set; the answers for ASCII are worked out here, once.</summary>
    public CharSet Close(bool negated, bool ignoreCase)
    {
        (_negated, _ignoreCase) = (negated, ignoreCase);
        for (var code = 0; code < 64; code++)
        {
            if (Compute(code))
                _asciiLow |= 1UL << code;
            if (Compute(code + 64))
                _asciiHigh |= 1UL << code;
        }
        return this;
    }

    public bool Contains(int code) => code < 64 ? (_asciiLow >> code & 1) != 0 : code < 128 ? (_asciiHigh >> (code - 64) & 1) != 0 : Compute(code);

    private bool Compute(int code)
    {
        var inside = Holds(code);
        if (!inside && _ignoreCase)
        {
            // Through the upper case, so that forms with one upper case in common, such as s and ſ, are equal.
            var upper = UpperOf(code);
            inside = Holds(upper) || Holds(LowerCase.Of(upper, out _));
        }
        if (inside && _intersection != null)
            inside = _intersection.Contains(code);
        return inside != _negated;
    }

    // The runtime keeps the long s as it is; in patterns it is a form of s.
    private static int UpperOf(int code) => code == 0x17F ? 'S' : Rune.IsValid(code) ? Rune.ToUpperInvariant(new Rune(code)).Value : code;

    private bool Holds(int code)
    {
        foreach (var (first, last) in _ranges)
        {
            if (code >= first && code <= last)
                return true;
        }
        foreach (var (item, negated) in _classes)
        {
            if (item.Contains(code) != negated)
                return true;
        }
        foreach (var set in _nested)
        {
            if (set.Contains(code))
                return true;
        }
        return false;
    }
}
