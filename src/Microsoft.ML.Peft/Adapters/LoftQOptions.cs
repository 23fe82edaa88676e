using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="LoraStart.LoftQ"/>: HF PEFT's <c>loftq_config</c>.</summary>
/// <remarks>
/// <para>From <c>A = B = 0</c>, repeated: <c>Q ← round(W − B·A)</c>, then <c>B·A ←</c> the best approximation of <c>W − Q</c>, as <c>B = U·√S, A = √S·Vᵀ</c>. The layer
/// computes <c>Q·x + s·B·A·x</c>, so W is met best with s = 1: Alpha equal to Rank.</para>
/// <para>Q is W rounded and turned back to the base's type, as in HF PEFT: no memory is saved. The base model itself stays as it is; Q is made again from
/// it when a file is read.</para>
/// <para>Source: Li et al. 2023, arXiv:2310.08659, algorithm 1.</para>
/// </remarks>
public sealed record LoftQOptions
{
    /// <summary>Bits of a number: 4, which is NF4 in blocks of 64, or 8, which are integers with a scale a row. Default 4.</summary>
    [JsonPropertyName("loftq_bits")]
    public int Bits { get; init; } = 4;

    /// <summary>Times that rounding and approximation alternate: 1 or more. Default 1.</summary>
    [JsonPropertyName("loftq_iter")]
    public int Iterations { get; init; } = 1;

    internal void Validate()
    {
        if (Bits is not (4 or 8))
        {
            throw new ArgumentOutOfRangeException(nameof(Bits), $"LoftQ.Bits is {Bits}; it must be 4 or 8.");
        }

        Guard.AtLeast(Iterations, 1, "LoftQ.Iterations");
    }

    /// <summary>HF PEFT writes an empty object where there are no settings.</summary>
    internal sealed class Converter : JsonConverter<LoftQOptions?>
    {
        public override bool HandleNull => true;

        public override LoftQOptions? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using var document = JsonDocument.ParseValue(ref reader);
            var settings = document.RootElement;
            return settings.ValueKind == JsonValueKind.Null || (settings.ValueKind == JsonValueKind.Object && !settings.EnumerateObject().Any())
                ? null
                : settings.Deserialize<LoftQOptions>();
        }

        public override void Write(Utf8JsonWriter writer, LoftQOptions? value, JsonSerializerOptions options)
        {
            if (value is null)
            {
                writer.WriteStartObject();
                writer.WriteEndObject();
            }
            else
            {
                JsonSerializer.Serialize(writer, value);
            }
        }
    }
}
