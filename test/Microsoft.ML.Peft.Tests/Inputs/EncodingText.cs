using System.Text.Json;
using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Encodings as one line of text, ours and recorded ones, with offsets in characters as the recorded ones have.</summary>
internal static class EncodingText
{
    public static string Of(TextEncoding encoding, string text, string? pair, bool types = true)
    {
        int[][] characters = [Characters(text), Characters(pair ?? "")];
        var offsets = encoding.Offsets!.Select((range, i) => (Map: characters[Math.Max(0, encoding.SequenceIds![i])], range)).SelectMany(o => new[] { o.Map[o.range.Start], o.Map[o.range.End] });
        return Join(Numbers(encoding.Ids), string.Join('|', encoding.Tokens!), Numbers(offsets), types ? Numbers(encoding.TypeIds) : "");
    }

    public static string Of(JsonElement recorded, bool types = true) => Join(
        Numbers(recorded.GetProperty("ids")), string.Join('|', recorded.GetProperty("tokens").EnumerateArray().Select(t => t.GetString())),
        string.Join(',', recorded.GetProperty("offsets").EnumerateArray().Select(o => o.ValueKind == JsonValueKind.Array ? Numbers(o) : o.GetRawText())),
        types ? Numbers(recorded.GetProperty(recorded.TryGetProperty("type_ids", out _) ? "type_ids" : "types")) : "");

    public static string Numbers(JsonElement array) => Numbers(array.EnumerateArray().Select(n => n.GetInt32()));

    public static string Numbers(IEnumerable<int> numbers) => string.Join(',', numbers);

    private static string Join(string ids, string tokens, string offsets, string types) => $"ids {ids}\n  tokens {tokens}\n  offsets {offsets}\n  types {types}";

    /// <summary>For every UTF-16 position the number of characters before it.</summary>
    private static int[] Characters(string text)
    {
        var map = new int[text.Length + 1];
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            map[i] = count;
            if (!(char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])))
                count++;
        }
        map[text.Length] = count;
        return map;
    }
}
