using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>HF PEFT's <c>feedforward_modules</c>: ends of paths, which may be none, or one pattern for the whole path.</summary>
[JsonConverter(typeof(Converter))]
public sealed class FeedForwardModules
{
    private readonly TargetModules? _pattern;

    /// <summary>Layers whose path ends with one of the names; an empty list is none.</summary>
    public FeedForwardModules(params IReadOnlyList<string> names) => Names = [.. names];

    private FeedForwardModules(TargetModules pattern) => _pattern = pattern;

    /// <summary>The names, or null where it is a pattern.</summary>
    public IReadOnlyList<string>? Names { get; }

    /// <summary>Layers whose whole path matches a regular expression.</summary>
    public static FeedForwardModules Matching(string pattern) => new(TargetModules.Matching(pattern));

    /// <summary>Layers by the end of their path.</summary>
    public static implicit operator FeedForwardModules(string[] names) => new((IReadOnlyList<string>)names);

    /// <summary>The layers of any of several.</summary>
    /// <exception cref="PeftException">Some are lists and some patterns.</exception>
    internal static FeedForwardModules Union(IEnumerable<FeedForwardModules> several)
    {
        var all = several.ToList();
        return all.All(f => f.Names is not null) ? new([.. all.SelectMany(f => f.Names!).Distinct()])
            : all.All(f => f._pattern is not null) ? new(TargetModules.Union(all.Select(f => f._pattern))!)
            : throw new PeftException($"The adapters have the feed-forward modules {string.Join(" and ", all.Select(f => $"'{f}'"))}; lists of names can be united, and patterns, but not one with the other.");
    }

    /// <summary>True if the path is one of them.</summary>
    public bool Matches(string path) => _pattern?.Matches(path) ?? Names!.Any(name => path.EndsWith(name, StringComparison.Ordinal));

    /// <inheritdoc/>
    public override string ToString() => _pattern?.ToString() ?? string.Join(", ", Names!);

    private sealed class Converter : JsonConverter<FeedForwardModules>
    {
        public override FeedForwardModules Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType == JsonTokenType.String
                ? Matching(reader.GetString()!)
                : new((IReadOnlyList<string>)JsonSerializer.Deserialize<string[]>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, FeedForwardModules value, JsonSerializerOptions options)
        {
            if (value.Names is null)
            {
                writer.WriteStringValue(value.ToString());
            }
            else
            {
                JsonSerializer.Serialize(writer, value.Names, options);
            }
        }
    }
}
