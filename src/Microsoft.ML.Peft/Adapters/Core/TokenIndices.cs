using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Token ids of the input embedding, or of several tables and output layers by name: HF PEFT's <c>trainable_token_indices</c>.</summary>
[JsonConverter(typeof(Converter))]
public sealed class TokenIndices
{
    /// <summary>Ids of the input embedding.</summary>
    public TokenIndices(params IReadOnlyList<int> ids) => Ids = [.. ids];

    /// <summary>Ids of tables, by module name.</summary>
    public TokenIndices(IReadOnlyDictionary<string, int[]> byTable) => ByTable = byTable;

    /// <summary>Ids of the input embedding, or null.</summary>
    public IReadOnlyList<int>? Ids { get; }

    /// <summary>Ids by table, or null.</summary>
    public IReadOnlyDictionary<string, int[]>? ByTable { get; }

    private sealed class Converter : JsonConverter<TokenIndices>
    {
        public override TokenIndices Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType == JsonTokenType.StartArray
                ? new(JsonSerializer.Deserialize<int[]>(ref reader, options)!)
                : new(JsonSerializer.Deserialize<Dictionary<string, int[]>>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, TokenIndices value, JsonSerializerOptions options)
        {
            if (value.Ids is not null)
            {
                JsonSerializer.Serialize(writer, value.Ids, options);
            }
            else
            {
                JsonSerializer.Serialize(writer, value.ByTable, options);
            }
        }
    }
}
