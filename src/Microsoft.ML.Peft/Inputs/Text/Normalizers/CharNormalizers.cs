using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>Lower case, whatever the culture.</summary>
internal sealed class LowercaseNormalizer : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        for (var i = 0; i < source.Length;)
        {
            var code = source.CodeAt(i, out var units);
            target.AddCode(LowerCase.Of(code, out var dot), source, i);
            if (dot)
                target.Add(LowerCase.DotAbove, source, i);
            i += units;
        }
        return true;
    }
}

/// <summary>Drops all combining marks; meant to follow a decomposition.</summary>
internal sealed class StripAccentsNormalizer : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        for (var i = 0; i < source.Length;)
        {
            var code = source.CodeAt(i, out var units);
            if ((CharKinds.Of(code) & (CharKind.NonSpacingMark | CharKind.OtherMark)) == 0)
                target.AddCode(code, source, i);
            i += units;
        }
        return true;
    }
}

/// <summary>Drops white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        var (start, end) = (0, source.Length);
        while (left && start < end && CharKinds.IsSpace(source.Chars[start]))
            start++;
        while (right && end > start && CharKinds.IsSpace(source.Chars[end - 1]))
            end--;
        if (end - start == source.Length)
            return false;
        target.AddRange(source, start, end - start);
        return true;
    }
}

/// <summary>Puts a text before any other that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        if (source.Length == 0 || prefix.Length == 0)
            return false;
        foreach (var c in prefix)
            target.Add(c, source, 0);
        target.AddRange(source, 0, source.Length);
        return true;
    }
}

/// <summary>The clean-up of machine translation models: drops some control characters, makes others blanks.</summary>
internal sealed class NmtNormalizer : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        for (var i = 0; i < source.Length; i++)
        {
            var c = source.Chars[i];
            if (c is (>= '\u0001' and <= '\u0008') or '\u000B' or (>= '\u000E' and <= '\u001F') or '\u007F' or '\u008F' or '\u009F')
                continue;
            target.Add(IsBlank(c) ? ' ' : c, source, i);
        }
        return true;
    }

    private static bool IsBlank(char c) =>
        c is '\u0009' or '\u000A' or '\u000C' or '\u000D' or '\u1680' or (>= '\u200B' and <= '\u200F') or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
}
