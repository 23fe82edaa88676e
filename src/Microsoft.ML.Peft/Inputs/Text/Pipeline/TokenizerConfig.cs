using System.Text;
using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>What the files beside a tokenizer say: names of special tokens, the chat template, settings of older formats.</summary>
internal sealed class TokenizerConfig
{
    private const long MaxFileBytes = 16L << 20;

    /// <summary>Names that padding tokens have where no file says which it is.</summary>
    private static readonly string[] UsualPadding = ["[PAD]", "<pad>", "<|pad|>"];

    private static readonly string[] TokenKeys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> _flags = new(StringComparer.Ordinal);

    /// <summary>The special tokens by the key that names them, such as <c>bos_token</c>.</summary>
    public IReadOnlyDictionary<string, string> Tokens => _tokens;

    /// <summary>The class that wrote the tokenizer, or "".</summary>
    public string TokenizerClass { get; private set; } = "";

    /// <summary>The text of the chat template, or null.</summary>
    public string? ChatTemplate { get; private set; }

    /// <summary>Reads the files of a folder that are there.</summary>
    public static TokenizerConfig Read(string folder)
    {
        var config = new TokenizerConfig();
        config.ReadFile(folder, "special_tokens_map.json");
        config.ReadFile(folder, "tokenizer_config.json");
        if (Path.Exists(Path.Combine(folder, "chat_template.jinja")))
            config.ChatTemplate = Encoding.UTF8.GetString(RegularFile.ReadAll(BareFileName.Resolve(folder, "chat_template.jinja", folder), MaxFileBytes));
        return config;
    }

    public bool Flag(string name, bool fallback) => _flags.GetValueOrDefault(name, fallback);

    /// <summary>Which tokens may fill short rows, best first.</summary>
    public IEnumerable<string> PaddingCandidates()
    {
        if (_tokens.TryGetValue("pad_token", out var padding))
            yield return padding;
        foreach (var usual in UsualPadding)
            yield return usual;
        if (_tokens.TryGetValue("eos_token", out var end))
            yield return end;
    }

    private void ReadFile(string folder, string name)
    {
        if (!Path.Exists(Path.Combine(folder, name)))
            return;
        var path = BareFileName.Resolve(folder, name, folder);
        JsonPart.Parse(path, RegularFile.ReadAll(path, MaxFileBytes), root =>
        {
            foreach (var key in TokenKeys)
            {
                var token = root.Get(key);
                if (!token.IsNull)
                    _tokens[key] = token.Kind == JsonValueKind.Object ? token.Get("content").String() : token.String();
            }
            foreach (var (key, value) in root.Properties())
            {
                if (value.Kind is JsonValueKind.True or JsonValueKind.False)
                    _flags[key] = value.Bool();
            }
            TokenizerClass = root.Get("tokenizer_class").String(TokenizerClass);
            ReadTemplate(root.Get("chat_template"));
            return true;
        });
    }

    /// <summary>A text, or several with names, of which the one called default counts.</summary>
    private void ReadTemplate(JsonPart json)
    {
        if (json.IsNull)
            return;
        if (json.Kind == JsonValueKind.String)
        {
            ChatTemplate = json.String();
            return;
        }
        foreach (var item in json.Elements())
        {
            if (ChatTemplate == null || item.Get("name").String() == "default")
                ChatTemplate = item.Get("template").String();
        }
    }
}
