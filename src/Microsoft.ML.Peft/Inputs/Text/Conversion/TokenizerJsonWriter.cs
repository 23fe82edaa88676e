using System.Text.Json.Nodes;

namespace Microsoft.ML.Peft.Inputs.Text.Conversion;

/// <summary>The parts of a <c>tokenizer.json</c> that older formats are turned into.</summary>
internal static class TokenizerJsonWriter
{
    public static string Write(JsonNode model, JsonNode? normalizer, JsonNode? preTokenizer, JsonNode? postProcessor, JsonNode decoder, IEnumerable<JsonObject> addedTokens) => new JsonObject
    {
        ["version"] = "1.0",
        ["truncation"] = null,
        ["padding"] = null,
        ["added_tokens"] = new JsonArray([.. addedTokens]),
        ["normalizer"] = normalizer,
        ["pre_tokenizer"] = preTokenizer,
        ["post_processor"] = postProcessor,
        ["decoder"] = decoder,
        ["model"] = model,
    }.ToJsonString();

    public static JsonObject Special(string content, int id, bool special = true, bool leftStrip = false) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = leftStrip,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = special,
    };

    public static JsonObject Sequence(string list, params JsonNode[] parts) => new() { ["type"] = "Sequence", [list] = new JsonArray(parts) };

    public static JsonObject ReplaceText(string from, string to) => new() { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = from }, ["content"] = to };

    public static JsonObject ReplaceMatches(string pattern, string to) => new() { ["type"] = "Replace", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["content"] = to };

    public static JsonObject ByteLevel(bool addPrefixSpace = false, bool trimOffsets = false, bool useRegex = true) =>
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = addPrefixSpace, ["trim_offsets"] = trimOffsets, ["use_regex"] = useRegex };

    /// <summary>A template: <c>$A</c> and <c>$B</c> are the texts, everything else special tokens; <c>:1</c> gives the type.</summary>
    public static JsonObject Template(string single, string pair, Func<string, int> idOf)
    {
        var tokens = new JsonObject();
        return new JsonObject { ["type"] = "TemplateProcessing", ["single"] = Items(single), ["pair"] = Items(pair), ["special_tokens"] = tokens };

        JsonArray Items(string layout)
        {
            var items = new JsonArray();
            foreach (var part in layout.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                var type = part.EndsWith(":1", StringComparison.Ordinal) ? 1 : 0;
                var name = type == 1 ? part[..^2] : part;
                if (name is "$A" or "$B")
                {
                    items.Add(new JsonObject { ["Sequence"] = new JsonObject { ["id"] = name[1..], ["type_id"] = type } });
                    continue;
                }
                items.Add(new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = name, ["type_id"] = type } });
                tokens[name] = new JsonObject { ["id"] = name, ["ids"] = new JsonArray(idOf(name)), ["tokens"] = new JsonArray(name) };
            }
            return items;
        }
    }
}
