using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary><see cref="LoraStart"/> as HF PEFT writes <c>init_lora_weights</c>: true, false or a name.</summary>
internal sealed class LoraStartConverter : JsonConverter<LoraStart>
{
    public override LoraStart Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType switch
        {
            JsonTokenType.True => LoraStart.Default,
            JsonTokenType.False => LoraStart.Random,
            JsonTokenType.String when reader.ValueTextEquals("gaussian") => LoraStart.Gaussian,
            JsonTokenType.String => throw new PeftException(
                $"init_lora_weights is '{reader.GetString()}', which is not supported; supported are true, false and \"gaussian\"."),
            _ => throw new JsonException("init_lora_weights must be true, false or a text."),
        };

    public override void Write(Utf8JsonWriter writer, LoraStart value, JsonSerializerOptions options)
    {
        if (value == LoraStart.Gaussian)
        {
            writer.WriteStringValue("gaussian");
        }
        else
        {
            writer.WriteBooleanValue(value == LoraStart.Default);
        }
    }
}
