using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>Which token fills short rows, where the tokenizer file itself does not say.</summary>
internal static class PaddingTokens
{
    private const long MaxFileBytes = 16L << 20;

    /// <summary>Names that padding tokens have where no file says which it is.</summary>
    public static readonly string[] Usual = ["[PAD]", "<pad>", "<|pad|>"];

    /// <summary>The candidates that the files beside the tokenizer name: padding first, then the end of a text.</summary>
    public static List<string> Read(string folder)
    {
        var (padding, ends) = (new List<string>(), new List<string>());
        foreach (var name in (string[])["tokenizer_config.json", "special_tokens_map.json"])
        {
            var path = Path.Combine(folder, name);
            if (!Path.Exists(path))
                continue;
            JsonPart.Parse(path, RegularFile.ReadAll(BareFileName.Resolve(folder, name, folder), MaxFileBytes), root =>
            {
                Add(padding, root.Get("pad_token"));
                Add(ends, root.Get("eos_token"));
                return true;
            });
        }
        return [.. padding, .. Usual, .. ends];
    }

    private static void Add(List<string> tokens, JsonPart json)
    {
        if (json.IsNull)
            return;
        tokens.Add(json.Kind == JsonValueKind.Object ? json.Get("content").String() : json.String());
    }
}
