using System.Text.Json;
using System.Text.Unicode;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>A value of a tokenizer file that knows where it stands, so that every complaint can name it.</summary>
internal readonly struct JsonPart
{
    /// <summary>How deep components may contain components.</summary>
    public const int MaxNesting = 16;

    private readonly JsonElement _element;
    private readonly string _path;

    private JsonPart(string file, JsonElement element, string path)
    {
        File = file;
        _element = element;
        _path = path;
    }

    public string File { get; }

    public JsonValueKind Kind => _element.ValueKind;

    public bool IsNull => Kind is JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>Parses text and hands its root to <paramref name="read"/>; every way in which JSON can be wrong becomes one exception.</summary>
    public static T Parse<T>(string file, ReadOnlyMemory<byte> json, Func<JsonPart, T> read)
    {
        // The parser lets broken text inside strings pass.
        if (!Utf8.IsValid(json.Span))
            throw new ModelFormatException(file, ModelFormatError.InvalidUtf8, "the file is not UTF-8.");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 });
            return read(new JsonPart(file, document.RootElement, ""));
        }
        catch (JsonException e)
        {
            var error = e.Message.Contains("uplicate", StringComparison.Ordinal) ? ModelFormatError.DuplicateKey
                : e.Message.Contains("depth", StringComparison.Ordinal) ? ModelFormatError.LimitExceeded
                : ModelFormatError.InvalidJson;
            throw new ModelFormatException(file, error, $"this is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(file, ModelFormatError.InvalidUtf8, "a string is no valid text.", e);
        }
    }

    public ModelFormatException Error(string message, ModelFormatError error = ModelFormatError.InvalidEntry) =>
        new(File, error, $"{(_path.Length == 0 ? "the file" : _path)} {message}");

    /// <summary>The property, or an undefined part.</summary>
    public JsonPart Get(string name) =>
        Kind == JsonValueKind.Object && _element.TryGetProperty(name, out var value) ? new JsonPart(File, value, Below(name)) : new JsonPart(File, default, Below(name));

    /// <summary>The value of the <c>type</c> property.</summary>
    public string Type => Get("type").String();

    public string String() => Kind == JsonValueKind.String ? _element.GetString()! : throw Error("must be a string.");

    public string? StringOrNull() => IsNull ? null : String();

    public string String(string fallback) => IsNull ? fallback : String();

    public bool Bool() => Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error("must be true or false."),
    };

    public bool Bool(bool fallback) => IsNull ? fallback : Bool();

    public int Int() => Kind == JsonValueKind.Number && _element.TryGetInt32(out var value) ? value : throw Error("must be a whole number.");

    public int Int(int fallback) => IsNull ? fallback : Int();

    public double Number() => Kind == JsonValueKind.Number && _element.TryGetDouble(out var value) && double.IsFinite(value) ? value : throw Error("must be a finite number.");

    /// <summary>Number of elements of an array.</summary>
    public int Count => Kind == JsonValueKind.Array ? _element.GetArrayLength() : throw Error("must be an array.");

    public IEnumerable<JsonPart> Elements()
    {
        if (Kind != JsonValueKind.Array)
            throw Error("must be an array.");
        var index = 0;
        foreach (var element in _element.EnumerateArray())
            yield return new JsonPart(File, element, $"{_path}[{index++}]");
    }

    public IEnumerable<(string Name, JsonPart Value)> Properties()
    {
        if (Kind != JsonValueKind.Object)
            throw Error("must be an object.");
        foreach (var property in _element.EnumerateObject())
            yield return (property.Name, new JsonPart(File, property.Value, Below(property.Name)));
    }

    /// <summary>The only property of an object, as Rust's enumerations are written.</summary>
    public (string Name, JsonPart Value) Variant()
    {
        foreach (var property in Properties())
            return property;
        throw Error("must have one property.");
    }

    private string Below(string name)
    {
        if (name.Length > 40)
            name = name[..40] + "…";
        return _path.Length == 0 ? name : $"{_path}.{name}";
    }
}
