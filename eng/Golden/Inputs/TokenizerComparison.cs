using System.Text.Json;
using Microsoft.ML.Peft.Inputs.Text;

namespace Peft.Golden.Inputs;

/// <summary>Compares a tokenizer with the encodings that were recorded of it.</summary>
internal static class TokenizerComparison
{
    public static IEnumerable<InputResult> Run(string folder)
    {
        var group = $"tokenizers/{Path.GetFileName(folder)}";
        HuggingFaceTokenizer? tokenizer = null;
        var loading = InputComparison.Try(group, "tokenizer.json", () =>
        {
            tokenizer = HuggingFaceTokenizer.Load(folder);
            return "";
        });
        if (tokenizer is null)
        {
            yield return loading;
            yield break;
        }
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "cases.json")));
        var number = 0;
        foreach (var item in Items(recorded, "cases"))
            yield return InputComparison.Try(group, $"text {number++}", () => Text(tokenizer, item));
        number = 0;
        foreach (var item in Items(recorded, "pairs"))
            yield return InputComparison.Try(group, $"pair {number++}", () => Pair(tokenizer, item));
    }

    private static IEnumerable<JsonElement> Items(JsonDocument recorded, string name)
        => recorded.RootElement.TryGetProperty(name, out var list) ? list.EnumerateArray() : [];

    private static string Text(HuggingFaceTokenizer tokenizer, JsonElement item)
    {
        var text = item.GetProperty("text").GetString()!;
        var encoding = tokenizer.EncodeWithDetails(text);
        var characters = Characters(text);
        var offsets = encoding.Offsets!.SelectMany(o => new[] { characters[o.Start], characters[o.End] });
        return FirstDifference(
            ("ids", Numbers(item, "ids"), string.Join(',', encoding.Ids)),
            ("ids without special tokens", Numbers(item, "ids_no_special"), string.Join(',', tokenizer.Encode(text, addSpecialTokens: false).Ids)),
            ("tokens", string.Join('\n', item.GetProperty("tokens").EnumerateArray().Select(t => t.GetString())), string.Join('\n', encoding.Tokens!)),
            ("offsets", string.Join(',', item.GetProperty("offsets").EnumerateArray().SelectMany(o => o.EnumerateArray())), string.Join(',', offsets)),
            ("type ids", Numbers(item, "type_ids"), string.Join(',', encoding.TypeIds)),
            ("decoded text", item.GetProperty("decoded").GetString()!, tokenizer.Decode(encoding.Ids, skipSpecialTokens: true)!),
            ("decoded text with special tokens", item.GetProperty("decoded_keep_special").GetString()!, tokenizer.Decode(encoding.Ids)!));
    }

    private static string Pair(HuggingFaceTokenizer tokenizer, JsonElement item)
    {
        var encoding = tokenizer.Encode(item.GetProperty("a").GetString()!, item.GetProperty("b").GetString());
        return FirstDifference(
            ("ids", Numbers(item, "ids"), string.Join(',', encoding.Ids)), ("type ids", Numbers(item, "type_ids"), string.Join(',', encoding.TypeIds)));
    }

    private static string FirstDifference(params ReadOnlySpan<(string What, string Expected, string Actual)> pairs)
    {
        foreach (var (what, expected, actual) in pairs)
        {
            if (expected != actual)
                return $"{what} are {JsonSerializer.Serialize(actual)}, recorded are {JsonSerializer.Serialize(expected)}";
        }
        return "";
    }

    private static string Numbers(JsonElement item, string name) => string.Join(',', item.GetProperty(name).EnumerateArray().Select(n => n.GetInt32()));

    /// <summary>For every UTF-16 position the number of characters before it; recorded offsets count characters.</summary>
    private static int[] Characters(string text)
    {
        var map = new int[text.Length + 1];
        for (var i = 0; i < text.Length; i++)
            map[i + 1] = map[i] + (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? 0 : 1);
        return map;
    }
}
