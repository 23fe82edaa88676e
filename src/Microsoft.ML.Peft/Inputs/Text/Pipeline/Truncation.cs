namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>How many tokens of each text stay.</summary>
internal static class Truncation
{
    /// <summary>Cuts the longer text down to the shorter, then both alike; an odd place goes to the second.</summary>
    public static (int First, int Second) LongestFirst(int first, int second, int limit)
    {
        if (first + second <= limit)
            return (first, second);
        var swapped = first > second;
        var (shorter, longer) = swapped ? (second, first) : (first, second);
        longer = shorter > limit ? shorter : Math.Max(shorter, limit - shorter);
        if (shorter + longer > limit)
        {
            shorter = limit / 2;
            longer = shorter + (limit % 2);
        }
        return swapped ? (longer, shorter) : (shorter, longer);
    }
}
