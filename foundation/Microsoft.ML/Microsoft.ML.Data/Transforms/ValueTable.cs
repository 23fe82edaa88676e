using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>A table of keys and values: the columns Key and Value of a view that is kept whole.</summary>
internal static class ValueTable
{
    public const string Key = "Key";
    public const string Value = "Value";

    public static ArrayView Of<TKey, TValue>(TKey[] keys, TValue[] values, bool asKeys)
    {
        var (keyType, keyArray) = Primitive(keys);
        var (valueType, valueArray) = Primitive(values);
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(Key, keyType);
        if (asKeys)
        {
            var names = new DataViewSchema.Annotations.Builder();
            (valueType, valueArray) = AsKeys(valueArray, names);
            builder.AddColumn(Value, valueType, names.ToAnnotations());
        }
        else
        {
            builder.AddColumn(Value, valueType);
        }
        return new ArrayView(builder.ToSchema(), [keyArray, valueArray], keys.Length);
    }

    public static ArrayView OfArrays<TKey, TItem>(TKey[] keys, TItem[][] values)
    {
        var (keyType, keyArray) = Primitive(keys);
        int size = values.Length > 0 && values.All(v => v.Length == values[0].Length) ? values[0].Length : 0;
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(Key, keyType);
        Array vectors;
        if (values is string[][] texts)
        {
            builder.AddColumn(Value, new VectorDataViewType(TextDataViewType.Instance, size));
            vectors = texts.Select(v => new VBuffer<ReadOnlyMemory<char>>(v.Length, v.Select(t => t.AsMemory()).ToArray())).ToArray();
        }
        else
        {
            builder.AddColumn(Value, new VectorDataViewType(MemberTypes.Primitive(typeof(TItem)), size));
            vectors = values.Select(v => new VBuffer<TItem>(v.Length, v)).ToArray();
        }
        return new ArrayView(builder.ToSchema(), [keyArray, vectors], keys.Length);
    }

    public static ArrayView Of(IDataView map, DataViewSchema.Column key, DataViewSchema.Column value)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(Key, key.Type, key.Annotations);
        builder.AddColumn(Value, value.Type, value.Annotations);
        Array keys = ReadAll(map, key), values = ReadAll(map, value);
        return new ArrayView(builder.ToSchema(), [keys, values], keys.Length);
    }

    private static Array ReadAll(IDataView map, DataViewSchema.Column column) =>
        Getters.Call<Array>(Getters.Method(typeof(ArrayView), nameof(ArrayView.ReadAll)), column.Type.RawType, map, column);

    private static (PrimitiveDataViewType, Array) Primitive<T>(T[] values) => values is string[] texts
        ? (TextDataViewType.Instance, texts.Select(t => t.AsMemory(0, t.Length)).ToArray())
        : (MemberTypes.Primitive(typeof(T)), values);

    /// <summary>Numbers that can be raw keys are taken as they are, other values get keys in the order in which they occur.</summary>
    private static (PrimitiveDataViewType, Array) AsKeys(Array values, DataViewSchema.Annotations.Builder names)
    {
        switch (values)
        {
            case uint[] numbers:
                names.AddNames(AnnotationKinds.KeyValues, Distinct(numbers));
                return (new KeyDataViewType(typeof(uint), Math.Max(1, numbers.Distinct().Count())), numbers);
            case ulong[] numbers:
                names.AddNames(AnnotationKinds.KeyValues, Distinct(numbers));
                return (new KeyDataViewType(typeof(ulong), Math.Max(1, numbers.Distinct().Count())), numbers);
            case ReadOnlyMemory<char>[] texts:
                var keys = new Dictionary<string, uint>();
                var raw = texts.Select(t =>
                {
                    keys.TryAdd(t.ToString(), (uint)keys.Count + 1);
                    return keys[t.ToString()];
                }).ToArray();
                names.AddNames(AnnotationKinds.KeyValues, keys.OrderBy(k => k.Value).Select(k => k.Key).ToArray());
                return (new KeyDataViewType(typeof(uint), Math.Max(1, keys.Count)), raw);
            default:
                throw Contracts.ExceptNotSupp($"Values of type '{values.GetType().GetElementType()}' cannot be treated as keys");
        }
    }

    private static string[] Distinct<T>(T[] values) => values.Distinct().Select(v => ValueText.Of(v)).ToArray();
}
