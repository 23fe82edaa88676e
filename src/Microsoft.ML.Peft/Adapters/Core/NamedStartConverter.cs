using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A choice that HF PEFT writes as true, false or a name, such as <c>init_weights</c>.</summary>
/// <param name="names">Each choice with what stands in the file: a <see cref="bool"/> or a <see cref="string"/>; for reading, the first that fits.</param>
internal abstract class NamedStartConverter<T>(params (T Choice, object Written)[] names) : JsonConverter<T>
    where T : struct, Enum
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        object? written = reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            JsonTokenType.String => reader.GetString(),
            _ => null,
        };
        foreach (var (choice, name) in names)
        {
            if (name.Equals(written))
            {
                return choice;
            }
        }

        var allowed = string.Join(", ", names.Select(n => Words(n.Written)));
        throw new PeftException($"{typeof(T).Name} is {(written is null ? reader.TokenType : Words(written))}, which is not supported; supported are {allowed}.");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        var written = names.First(n => EqualityComparer<T>.Default.Equals(n.Choice, value)).Written;
        if (written is bool flag)
        {
            writer.WriteBooleanValue(flag);
        }
        else
        {
            writer.WriteStringValue((string)written);
        }
    }

    private static string Words(object written) => written is bool flag ? (flag ? "true" : "false") : $"\"{written}\"";
}
