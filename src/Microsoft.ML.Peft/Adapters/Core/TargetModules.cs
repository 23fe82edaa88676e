using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Which layers an adapter goes on: a list of names, a pattern, or every linear layer.</summary>
/// <remarks>A name matches a layer whose path is the name or ends with <c>.name</c>; a pattern must match the whole path;
/// <c>all-linear</c> is every linear layer but the classification head. As HF PEFT's <c>target_modules</c>.</remarks>
[JsonConverter(typeof(Converter))]
public sealed class TargetModules
{
    // A pattern comes from a file of strangers; it may not run for long on a path.
    private static readonly TimeSpan s_patternLimit = TimeSpan.FromMilliseconds(200);

    private readonly Regex? _pattern;

    private TargetModules(IReadOnlyList<string>? names, string? pattern)
    {
        (Names, Pattern) = (names, pattern);
        if (pattern is not null && !IsAllLinear)
        {
            try
            {
                _pattern = new Regex($"^(?:{pattern})$", RegexOptions.CultureInvariant, s_patternLimit);
            }
            catch (ArgumentException error)
            {
                throw new ArgumentException($"The target pattern '{pattern}' is no regular expression: {error.Message}", nameof(pattern), error);
            }
        }
    }

    /// <summary>Every linear layer of the base model but the head.</summary>
    public static TargetModules AllLinear { get; } = new(null, "all-linear");

    /// <summary>The names, or null where it is a pattern.</summary>
    public IReadOnlyList<string>? Names { get; }

    /// <summary>The pattern, or null where it is a list.</summary>
    public string? Pattern { get; }

    /// <summary>True for <see cref="AllLinear"/>.</summary>
    public bool IsAllLinear => string.Equals(Pattern, "all-linear", StringComparison.OrdinalIgnoreCase);

    /// <summary>No layer: for an adapter that goes on parameters alone, or trains copies.</summary>
    public static TargetModules None { get; } = new([], null);

    /// <summary>Layers by name.</summary>
    public static TargetModules Named(params IReadOnlyList<string> names)
        => names.Count > 0 && names.All(n => !string.IsNullOrWhiteSpace(n))
            ? new([.. names], null)
            : throw new ArgumentException("Give at least one layer name, and no empty one.", nameof(names));

    /// <summary>Layers whose whole path matches a regular expression.</summary>
    public static TargetModules Matching(string pattern)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        return new(null, pattern);
    }

    /// <summary>The layers of any of several targets: lists of names are united, patterns are alternatives.</summary>
    /// <exception cref="PeftException">Some are lists and some patterns.</exception>
    internal static TargetModules? Union(IEnumerable<TargetModules?> several)
    {
        var targets = several.ToList();
        if (targets.Select(t => t?.ToString()).Distinct().Count() == 1)
        {
            return targets[0];
        }

        return targets.All(t => t?.Names is not null) ? Named([.. targets.SelectMany(t => t!.Names!).Distinct()])
            : targets.All(t => t is { Pattern: not null, IsAllLinear: false }) ? Matching(string.Join("|", targets.Select(t => $"({t!.Pattern})")))
            : throw new PeftException($"The adapters have the targets {string.Join(" and ", targets.Select(t => $"'{t}'"))}; lists of names can be united, and patterns, but not one with the other.");
    }

    /// <summary>Layers by name.</summary>
    public static implicit operator TargetModules(string[] names) => Named(names);

    /// <summary>True if the path is chosen; <c>all-linear</c> chooses every path.</summary>
    /// <exception cref="PeftException">The pattern takes too long.</exception>
    public bool Matches(string path)
    {
        if (Names is not null)
        {
            return Names.Any(n => path == n || path.EndsWith("." + n, StringComparison.Ordinal));
        }

        try
        {
            return _pattern is null || _pattern.IsMatch(path);
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new PeftException($"The target pattern '{Pattern}' takes over {s_patternLimit.TotalMilliseconds} ms on '{path}'; write a simpler one.", error);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Pattern ?? string.Join(", ", Names!);

    private sealed class Converter : JsonConverter<TargetModules>
    {
        public override TargetModules Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType == JsonTokenType.String
                ? Matching(reader.GetString()!)
                : JsonSerializer.Deserialize<string[]>(ref reader, options)! is { Length: > 0 } names ? Named(names) : None;

        public override void Write(Utf8JsonWriter writer, TargetModules value, JsonSerializerOptions options)
        {
            if (value.Names is null)
            {
                writer.WriteStringValue(value.Pattern);
            }
            else
            {
                JsonSerializer.Serialize(writer, value.Names, options);
            }
        }
    }
}
