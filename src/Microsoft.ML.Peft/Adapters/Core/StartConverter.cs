using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How a method starts, as HF PEFT's <c>init_weights</c> says it: true for the first member, false for the second, the
/// member's name in snake case for the others.</summary>
internal sealed class StartConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    private static readonly T[] s_values = Enum.GetValues<T>();
    private static readonly string[] s_names = [.. Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];

    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.True:
                return s_values[0];
            case JsonTokenType.False:
                return s_values[1];
            case JsonTokenType.String:
                var name = reader.GetString()!;
                var at = Array.IndexOf(s_names, name.ToLowerInvariant(), 2);
                return at >= 0 ? s_values[at] : throw new PeftException(
                    $"init_weights is '{name}', which is not supported; supported are true, false{string.Concat(s_names.Skip(2).Select(n => $", \"{n}\""))}.");
            default:
                throw new JsonException("init_weights must be true, false or a text.");
        }
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        var at = Array.IndexOf(s_values, value);
        if (at < 2)
        {
            writer.WriteBooleanValue(at == 0);
        }
        else
        {
            writer.WriteStringValue(s_names[at]);
        }
    }
}
