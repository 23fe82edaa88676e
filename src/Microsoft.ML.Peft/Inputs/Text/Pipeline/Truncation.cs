using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>Works out which tokens of each text stay, and which rows the rest makes.</summary>
internal static class Truncation
{
    /// <summary>The tokenizer file's <c>truncation</c>, or null.</summary>
    public static TextTruncation? Read(JsonPart json)
    {
        if (json.IsNull)
            return null;
        var strategy = json.Get("strategy").String("LongestFirst");
        var direction = json.Get("direction").String("Right");
        var truncation = new TextTruncation(json.Get("max_length").Int())
        {
            Strategy = Enum.TryParse<TruncationStrategy>(strategy, out var known) && Enum.GetName(known) == strategy
                ? known
                : throw json.Get("strategy").Error($"is '{strategy}'; allowed are {string.Join(", ", Enum.GetNames<TruncationStrategy>())}.", ModelFormatError.Unsupported),
            Side = direction switch
            {
                "Right" => TextSide.Right,
                "Left" => TextSide.Left,
                _ => throw json.Get("direction").Error($"is '{direction}'; allowed are Right and Left.", ModelFormatError.Unsupported),
            },
            Stride = json.Get("stride").Int(0),
        };
        if (truncation.MaxLength < 0 || truncation.Stride < 0)
            throw json.Error($"has max_length {truncation.MaxLength} and stride {truncation.Stride}; both must be at least 0.");
        return truncation;
    }

    /// <summary>How many tokens of each text fit into a row.</summary>
    /// <exception cref="ArgumentException">The text that may be cut is not long enough to make the row fit.</exception>
    public static (int First, int Second) Fit(int first, int second, int limit, TruncationStrategy strategy)
    {
        var excess = first + second - limit;
        if (excess <= 0)
            return (first, second);
        if (limit == 0)
            return (0, 0);
        switch (strategy)
        {
            case TruncationStrategy.LongestFirst:
                return LongestFirst(first, second, limit);
            case TruncationStrategy.OnlyFirst when first > excess:
                return (first - excess, second);
            case TruncationStrategy.OnlySecond when second > excess:
                return (first, second - excess);
            default:
                throw new ArgumentException($"The row has {excess} tokens too many, and the {(strategy == TruncationStrategy.OnlyFirst ? "first text, which alone may be cut, has" : "second text, which alone may be cut, has")} {(strategy == TruncationStrategy.OnlyFirst ? first : second)}; raise the length or use {nameof(TruncationStrategy.LongestFirst)}.");
        }
    }

    /// <summary>The ranges of tokens that a text is cut into: the one that stays, then the others.</summary>
    public static List<(int Start, int End)> Parts(int count, int kept, TextTruncation truncation)
    {
        if (kept >= count)
            return [(0, count)];
        if (kept == 0)
            return [(0, 0), (0, count)];
        if (truncation.Stride >= kept)
            throw new ArgumentException($"A stride of {truncation.Stride} needs room for more than {truncation.Stride} tokens, and {kept} fit; raise the length or lower the stride.");
        var parts = new List<(int Start, int End)>();
        var step = kept - truncation.Stride;
        if (truncation.Side == TextSide.Right)
        {
            for (var start = 0; parts.Count == 0 || parts[^1].End < count; start += step)
                parts.Add((start, Math.Min(start + kept, count)));
        }
        else
        {
            for (var end = count; parts.Count == 0 || parts[^1].Start > 0; end -= step)
                parts.Add((Math.Max(0, end - kept), end));
        }
        return parts;
    }

    private static (int First, int Second) LongestFirst(int first, int second, int limit)
    {
        if (second == 0)
            return (limit, 0);
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
