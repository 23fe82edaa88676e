using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A Hugging Face config.json: numbers are checked when they are asked for.</summary>
public sealed class ModelConfig
{
    private readonly JsonElement _root;
    private readonly string _name;

    private ModelConfig(string json, string name)
    {
        (Json, _name) = (json, name);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            _root = document.RootElement.Clone();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(name, ModelFormatError.InvalidJson, $"it is not valid JSON: {error.Message}", error);
        }

        if (_root.ValueKind != JsonValueKind.Object)
        {
            throw new ModelFormatException(name, ModelFormatError.InvalidJson, "it is not a JSON object.");
        }
    }

    /// <summary>The text as read.</summary>
    public string Json { get; }

    /// <summary>The architecture's name, for example <c>bert</c>.</summary>
    public string ModelType => Text("model_type");

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="ModelFormatException">The folder or the file is missing, or the file is no JSON object.</exception>
    public static ModelConfig Load(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        if (!Directory.Exists(folder))
        {
            throw new ModelFormatException(
                folder, ModelFormatError.MissingFile, $"the model folder does not exist; give a folder with config.json, tokenizer.json and *.safetensors.");
        }

        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path) && File.Exists(Path.Combine(folder, "open_clip_config.json")))
        {
            throw new ModelFormatException(
                folder,
                ModelFormatError.Unsupported,
                "it is a folder of open_clip, such as BiomedCLIP's (timm's ViT and a BERT of texts), which is not supported; a CLIP in the layout of transformers, whose config.json has the model_type 'clip', is.");
        }

        return File.Exists(path)
            ? Parse(File.ReadAllText(path), path)
            : throw new ModelFormatException(
                folder, ModelFormatError.MissingFile, $"the model folder has no config.json; a Hugging Face model folder holds config.json, tokenizer.json and *.safetensors.");
    }

    /// <summary>Reads a configuration from its text.</summary>
    /// <exception cref="ModelFormatException">The text is no JSON object.</exception>
    public static ModelConfig Parse(string json, string name) => new(json, name);

    /// <summary>Count of classes that the checkpoint's head was made for: the entries of id2label, else num_labels, else 2.</summary>
    public int ClassCount
        => Find("id2label") is { ValueKind: JsonValueKind.Object } labels && labels.EnumerateObject().Any()
            ? labels.EnumerateObject().Count()
            : Int("num_labels", 1, 1 << 24, 2);

    /// <summary>A text that must be there.</summary>
    public string Text(string key)
        => Find(key) is { ValueKind: JsonValueKind.String } value
            ? value.GetString()!
            : throw Wrong(key, "a text");

    /// <summary>A text, or a default where there is none.</summary>
    public string Text(string key, string missing) => Find(key) is null ? missing : Text(key);

    /// <summary>A whole number in a range, which must be there.</summary>
    public int Int(string key, int min, int max)
        => Find(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var number) && number >= min && number <= max
            ? number
            : throw Wrong(key, $"a whole number from {min} to {max}");

    /// <summary>A whole number in a range, or a default where there is none.</summary>
    public int Int(string key, int min, int max, int missing) => Find(key) is null ? missing : Int(key, min, max);

    /// <summary>A finite number in a range, or a default where there is none.</summary>
    public double Number(string key, double min, double max, double missing)
        => Find(key) is not { } value ? missing
            : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max ? number
            : throw Wrong(key, FormattableString.Invariant($"a number from {min} to {max}"));

    /// <summary>True or false, or a default where there is neither.</summary>
    public bool Flag(string key, bool missing)
        => Find(key) is not { } value ? missing
            : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
            : throw Wrong(key, "true or false");

    /// <summary>A list of texts, or a single text as a list of one; empty where there is none.</summary>
    public IReadOnlyList<string> List(string key)
        => Find(key) switch
        {
            null => [],
            { ValueKind: JsonValueKind.String } text => [text.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
                => [.. list.EnumerateArray().Select(v => v.GetString()!)],
            _ => throw Wrong(key, "a text or a list of texts"),
        };

    /// <summary>True for an object without entries.</summary>
    internal bool IsEmpty => !_root.EnumerateObject().Any();

    /// <summary>True if the key is there with a value other than null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>A list of whole numbers in a range, a single one as a list of one, or a default where there is none.</summary>
    public int[] Ints(string key, int min, int max, params int[] missing)
    {
        if (Find(key) is not { } value)
        {
            return missing;
        }

        if (value.ValueKind == JsonValueKind.Number)
        {
            return [Int(key, min, max)];
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > 1 << 12)
        {
            throw Wrong(key, "a list of whole numbers");
        }

        return [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number)
            && number >= min && number <= max ? number : throw Wrong(key, $"a list of whole numbers from {min} to {max}"))];
    }

    /// <summary>Lists of whole numbers from 0 on by a number from 0 on; empty where there are none.</summary>
    internal IReadOnlyDictionary<int, int[]> Lists(string key, int mostKey, int mostValue)
    {
        var lists = new SortedDictionary<int, int[]>();
        foreach (var (name, value) in Section(key)?._root.EnumerateObject().Select(entry => (entry.Name, entry.Value)) ?? [])
        {
            var list = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out var n) ? n : -1).ToArray() : [-1];
            if (!int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
                || number > mostKey || list.Any(n => n < 0 || n > mostValue) || !lists.TryAdd(number, list))
            {
                throw Wrong(key, $"lists of whole numbers from 0 to {mostValue}, each under a number from 0 to {mostKey}");
            }
        }

        return lists;
    }

    /// <summary>A list of numbers in a range, which must be there.</summary>
    public double[] Numbers(string key, double min, double max)
        => Find(key) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() is > 0 and <= 1 << 12
            && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out var number) && number >= min && number <= max)
            ? [.. list.EnumerateArray().Select(item => item.GetDouble())]
            : throw Wrong(key, FormattableString.Invariant($"a list of numbers from {min} to {max}"));

    /// <summary>A height and a width: one number for both, or a list of two.</summary>
    public (int Height, int Width) Size(string key, int max, int missing)
    {
        if (Find(key) is not { ValueKind: JsonValueKind.Array })
        {
            var both = Int(key, 1, max, missing);
            return (both, both);
        }

        var pair = Ints(key, 1, max);
        return pair.Length == 2 ? (pair[0], pair[1]) : throw Wrong(key, "one number, or a height and a width");
    }

    /// <summary>An object inside this one, or null where there is none.</summary>
    public ModelConfig? Section(string key)
        => Find(key) is not { } value ? null
            : value.ValueKind == JsonValueKind.Object ? new(value.GetRawText(), $"{_name}, '{key}'")
            : throw Wrong(key, "an object");

    internal ModelFormatException Wrong(string key, string expected)
        => new(_name, ModelFormatError.InvalidEntry, $"'{key}' is {Find(key)?.GetRawText() ?? "missing"}; it must be {expected}.");

    private JsonElement? Find(string key)
        => _root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
