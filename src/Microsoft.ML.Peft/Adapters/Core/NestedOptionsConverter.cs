using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The settings of a method within those of another: an object as in adapter_config.json.</summary>
internal sealed class NestedOptionsConverter : JsonConverter<AdapterOptions>
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert == typeof(AdapterOptions);

    public override AdapterOptions Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return AdapterOptions.FromJson(document.RootElement.GetRawText(), "'adapter'");
    }

    public override void Write(Utf8JsonWriter writer, AdapterOptions value, JsonSerializerOptions options) => JsonNode.Parse(value.ToJson())!.WriteTo(writer, options);
}
