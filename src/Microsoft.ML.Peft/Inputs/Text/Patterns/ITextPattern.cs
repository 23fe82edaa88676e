using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>Something that can be found in a text: a fixed text, a regular expression, a hand-written scanner.</summary>
internal interface ITextPattern
{
    /// <summary>Finds the first match that starts at or after <paramref name="from"/>; returns its start, or −1.</summary>
    int Find(ReadOnlySpan<char> text, int from, ref long budget, out int end);
}

/// <summary>A fixed text.</summary>
internal sealed class FixedText(string text) : ITextPattern
{
    public int Find(ReadOnlySpan<char> haystack, int from, ref long budget, out int end)
    {
        var index = text.Length == 0 ? -1 : haystack[from..].IndexOf(text, StringComparison.Ordinal);
        end = index < 0 ? -1 : from + index + text.Length;
        return index < 0 ? -1 : from + index;
    }
}

/// <summary>Reads patterns out of tokenizer files.</summary>
internal static class TextPatterns
{
    private const int MaxLength = 10_000;

    /// <summary>A <c>{"String": …}</c> or <c>{"Regex": …}</c>; well-known expressions get their scanner.</summary>
    public static ITextPattern Read(JsonPart json)
    {
        if (json.Kind == System.Text.Json.JsonValueKind.String)
            return new FixedText(json.String());
        var (kind, value) = json.Variant();
        return kind switch
        {
            "String" => new FixedText(value.String()),
            "Regex" => Compile(value, value.String()),
            _ => throw json.Error($"is of the unknown kind '{kind}'; allowed are String and Regex.", ModelFormatError.Unsupported),
        };
    }

    private static ITextPattern Compile(JsonPart json, string text)
    {
        if (text.Length > MaxLength)
            throw json.Error($"has {text.Length} characters; at most {MaxLength} are allowed.", ModelFormatError.LimitExceeded);
        if (WordScanner.Known(text) is { } scanner)
            return scanner;
        try
        {
            return Pattern.Compile(text);
        }
        catch (FormatException e) when (e is not ModelFormatException)
        {
            throw json.Error($"cannot be used: {e.Message}", ModelFormatError.Unsupported);
        }
    }
}
