using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A setting that HF PEFT's files hold as one value or as a list; it is written as it came.</summary>
[JsonConverter(typeof(OneOrManyConverter))]
public sealed class OneOrMany<T> : IReadOnlyList<T>
{
    private readonly IReadOnlyList<T> _values;

    /// <summary>Holds a list.</summary>
    public OneOrMany(params IReadOnlyList<T> values) => _values = [.. values];

    internal OneOrMany(T value)
    {
        _values = [value];
        IsOne = true;
    }

    /// <inheritdoc/>
    public int Count => _values.Count;

    /// <summary>True where it is written as one value.</summary>
    internal bool IsOne { get; }

    /// <inheritdoc/>
    public T this[int index] => _values[index];

    /// <summary>Holds a list.</summary>
    public static implicit operator OneOrMany<T>(T[] values) => new((IReadOnlyList<T>)values);

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", _values);
}

/// <summary>Reads and writes <see cref="OneOrMany{T}"/>.</summary>
internal sealed class OneOrManyConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => true;

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options)
        => (JsonConverter)Activator.CreateInstance(typeof(Of<>).MakeGenericType(typeToConvert.GenericTypeArguments[0]))!;

    private sealed class Of<T> : JsonConverter<OneOrMany<T>>
    {
        public override OneOrMany<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => reader.TokenType == JsonTokenType.StartArray
                ? new((IReadOnlyList<T>)JsonSerializer.Deserialize<T[]>(ref reader, options)!)
                : new(JsonSerializer.Deserialize<T>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, OneOrMany<T> value, JsonSerializerOptions options)
        {
            if (value.IsOne)
            {
                JsonSerializer.Serialize(writer, value[0], options);
            }
            else
            {
                JsonSerializer.Serialize(writer, value.ToArray(), options);
            }
        }
    }
}
