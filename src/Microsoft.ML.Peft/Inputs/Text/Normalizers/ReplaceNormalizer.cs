using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>Replaces every match of a pattern by a text.</summary>
internal sealed class ReplaceNormalizer(ITextPattern pattern, string content) : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        var (position, taken, changed) = (0, 0, false);
        var budget = Pattern.BudgetFor(source.Length);
        while (position <= source.Length)
        {
            var start = pattern.Find(source.Text, position, ref budget, out var end);
            if (start < 0)
                break;
            changed = true;
            target.AddRange(source, taken, start - taken);
            // The new text belongs to the last character that it replaces.
            foreach (var c in content)
            {
                if (source.Length > 0)
                    target.Add(c, source, Math.Clamp(end - 1, 0, source.Length - 1));
            }
            taken = end;
            position = end > start ? end : end + 1;
        }
        if (!changed)
            return false;
        target.AddRange(source, taken, source.Length - taken);
        return true;
    }
}
