using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.SearchSpace;

/// <summary>A value of an option, or named parameters of a space; written as plain JSON.</summary>
[JsonConverter(typeof(ParameterJson))]
public sealed class Parameter : IDictionary<string, Parameter>, IEquatable<Parameter>, IEqualityComparer<Parameter>
{
    private static readonly JsonSerializerOptions Conversion = new()
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    private Parameter(object value, ParameterType type)
    {
        Value = value;
        ParameterType = type;
    }

    internal object Value { get; }

    public ParameterType ParameterType { get; }

    // Null unless the parameter is an object: every use of a name then fails as the real one does.
    private Dictionary<string, Parameter> Children => Value as Dictionary<string, Parameter>;

    private ICollection<KeyValuePair<string, Parameter>> Pairs => Children;

    public int Count => ParameterType == ParameterType.Object ? Children.Count : 1;

    public bool IsReadOnly => Pairs?.IsReadOnly ?? false;

    public ICollection<string> Keys => Children.Keys;

    ICollection<Parameter> IDictionary<string, Parameter>.Values => Children.Values;

    public Parameter this[string key]
    {
        get => Children[key];
        set => Children[key] = value;
    }

    public static Parameter FromDouble(double value) => new(value, ParameterType.Number);

    public static Parameter FromFloat(float value) => new(value, ParameterType.Number);

    public static Parameter FromLong(long value) => new(value, ParameterType.Integer);

    public static Parameter FromInt(int value) => new(value, ParameterType.Integer);

    public static Parameter FromString(string value) => new(value, ParameterType.String);

    public static Parameter FromBool(bool value) => new(value, ParameterType.Bool);

    public static Parameter FromEnum<T>(T value) where T : struct, Enum => FromString(Enum.GetName(value));

    public static Parameter FromIEnumerable<T>(IEnumerable<T> values) => new(values, ParameterType.Array);

    public static Parameter FromObject<T>(T value) where T : class => FromValue(value, typeof(T));

    public static Parameter CreateNestedParameter(params KeyValuePair<string, Parameter>[] parameters)
    {
        var children = new Dictionary<string, Parameter>();
        foreach (var (name, parameter) in parameters)
            children[name] = parameter;
        return new Parameter(children, ParameterType.Object);
    }

    private static Parameter FromValue(object value, Type declared) => value switch
    {
        Parameter p => p,
        int i => FromInt(i),
        long l => FromLong(l),
        double d => FromDouble(d),
        float f => FromFloat(f),
        string s => FromString(s),
        bool b => FromBool(b),
        IEnumerable items => new Parameter(items, ParameterType.Array),
        Enum e => FromString(Enum.GetName(e.GetType(), e)),
        _ => FromProperties(value, declared),
    };

    private static Parameter FromProperties(object value, Type declared)
    {
        var result = CreateNestedParameter();
        foreach (var property in declared.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (!property.CanRead || !property.CanWrite || property.GetValue(value) is not { } part)
                continue;
            var parameter = FromValue(part, property.PropertyType);
            if (parameter.Count != 0)
                result[property.Name] = parameter;
        }
        return result;
    }

    /// <summary>The value as a type, by way of its JSON where it is of another.</summary>
    public T AsType<T>() => Value is T held ? held : JsonSerializer.Deserialize<T>(JsonSerializer.Serialize(Value, Conversion), Conversion);

    public void Clear() => Children.Clear();

    public void Add(string key, Parameter value) => Children.Add(key, value);

    public void Add(KeyValuePair<string, Parameter> item) => Children.Add(item.Key, item.Value);

    public bool ContainsKey(string key) => Children.ContainsKey(key);

    public bool Contains(KeyValuePair<string, Parameter> item) => Pairs.Contains(item);

    public bool TryGetValue(string key, out Parameter value) => Children.TryGetValue(key, out value);

    public bool Remove(string key) => Children.Remove(key);

    public bool Remove(KeyValuePair<string, Parameter> item) => Pairs.Remove(item);

    public void CopyTo(KeyValuePair<string, Parameter>[] array, int arrayIndex) => Pairs.CopyTo(array, arrayIndex);

    IEnumerator<KeyValuePair<string, Parameter>> IEnumerable<KeyValuePair<string, Parameter>>.GetEnumerator() => Pairs.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => Pairs.GetEnumerator();

    public override string ToString() => JsonSerializer.Serialize(this);

    public bool Equals(Parameter other)
    {
        if (other is null)
            return false;
        if (ReferenceEquals(this, other))
            return true;
        // Two scalars of one type need no text; everything else is equal when its JSON is.
        return (Value, other.Value) switch
        {
            (string a, string b) => a == b,
            (int a, int b) => a == b,
            (long a, long b) => a == b,
            (bool a, bool b) => a == b,
            _ => ToString() == other.ToString(),
        };
    }

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    public bool Equals(Parameter x, Parameter y) => x.GetHashCode() == y.GetHashCode();

    public int GetHashCode(Parameter obj) => obj.GetHashCode();
}
