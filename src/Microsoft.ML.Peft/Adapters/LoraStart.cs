using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How LoRA's factors start: HF PEFT's <c>init_lora_weights</c>, which is true, false or a name.</summary>
[JsonConverter(typeof(Converter))]
public sealed record LoraStart
{
    private static readonly Dictionary<string, LoraStart> s_named = new(StringComparer.OrdinalIgnoreCase);

    private LoraStart(string name, object json) => (Name, Json) = (name, json);

    /// <summary>A Kaiming-uniform (a = √5), B zero: the identity.</summary>
    public static LoraStart Default { get; } = new("default", true);

    /// <summary>A and B Kaiming-uniform: not the identity; for tests.</summary>
    public static LoraStart Random { get; } = new("random", false);

    /// <summary>A normal with deviation 1/r, B zero: the identity.</summary>
    public static LoraStart Gaussian { get; } = Named("gaussian");

    /// <summary>PiSSA: the r largest singular directions of the weight; they are taken out of the base, so that the model starts as it was.
    /// Source: Meng, Wang and Zhang 2024, arXiv:2404.02948.</summary>
    public static LoraStart Pissa { get; } = Named("pissa");

    /// <summary>OLoRA: the first r directions of the weight's QR decomposition, taken out of the base. Source: Büyükakyüz 2024, arXiv:2406.01775.</summary>
    public static LoraStart Olora { get; } = Named("olora");

    /// <summary>B·A = 0 with A and B unlike zero, from one random rotation; r must be even: the identity.</summary>
    public static LoraStart Orthogonal { get; } = Named("orthogonal");

    /// <summary>MiCA: B are the r smallest left singular directions and stay as they are, A starts at zero and is trained: the identity.</summary>
    public static LoraStart Mica { get; } = Named("mica");

    /// <summary>The name in messages.</summary>
    public string Name { get; }

    private object Json { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static LoraStart Named(string name) => s_named[name] = new(name, name);

    private sealed class Converter : JsonConverter<LoraStart>
    {
        public override LoraStart Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType switch
            {
                JsonTokenType.True => Default,
                JsonTokenType.False => Random,
                JsonTokenType.String when s_named.TryGetValue(reader.GetString()!, out var named) => named,
                JsonTokenType.String => throw new PeftException(
                    $"init_lora_weights is '{reader.GetString()}', which is not supported; supported are true, false, {string.Join(", ", s_named.Keys)}."),
                _ => throw new JsonException("init_lora_weights must be true, false or a text."),
            };

        public override void Write(Utf8JsonWriter writer, LoraStart value, JsonSerializerOptions options)
        {
            if (value.Json is bool flag)
            {
                writer.WriteBooleanValue(flag);
            }
            else
            {
                writer.WriteStringValue((string)value.Json);
            }
        }
    }
}
