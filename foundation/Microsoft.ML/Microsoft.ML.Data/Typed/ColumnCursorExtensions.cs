using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The values of one column as a sequence.</summary>
public static class ColumnCursorExtensions
{
    public static IEnumerable<T> GetColumn<T>(this IDataView data, string columnName)
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckNonEmpty(columnName, nameof(columnName));
        return data.GetColumn<T>(data.Schema[columnName]);
    }

    public static IEnumerable<T> GetColumn<T>(this IDataView data, DataViewSchema.Column column)
    {
        Contracts.CheckValue(data, nameof(data));
        if (data.Schema[column.Index] is var own && (own.Name != column.Name || !own.Type.Equals(column.Type)))
            throw Contracts.ExceptParam(nameof(column), $"Column '{column.Name}' is not one of this data's schema");
        var item = MemberTypes.ItemOf(typeof(T), out bool isVector);
        if (typeof(T) == column.Type.RawType)
            return column.Type is VectorDataViewType ? Vectors<T>(data, column) : Values<T, T>(data, column, v => v);
        if (typeof(T) == typeof(string) && column.Type is TextDataViewType)
            return (IEnumerable<T>)Values<ReadOnlyMemory<char>, string>(data, column, v => v.ToString());
        if (isVector && typeof(T).IsArray && column.Type is VectorDataViewType vector && vector.ItemType.RawType == item)
        {
            return typeof(T).GetElementType() == typeof(string)
                ? (IEnumerable<T>)Values<VBuffer<ReadOnlyMemory<char>>, string[]>(data, column, v => v.DenseValues().Select(t => t.ToString()).ToArray())
                : Getters.Call<IEnumerable<T>>(Getters.Method(typeof(ColumnCursorExtensions), nameof(Arrays)), item, data, column);
        }
        throw Contracts.ExceptParam(nameof(column),
            $"Cannot map column (name: {column.Name}, type: {column.Type}) in data to the user-defined type, {typeof(T)}.");
    }

    private static IEnumerable<T[]> Arrays<T>(IDataView data, DataViewSchema.Column column) =>
        Values<VBuffer<T>, T[]>(data, column, v => v.DenseValues().ToArray());

    /// <summary>Vectors are given as copies: a getter may reuse its buffers.</summary>
    private static IEnumerable<T> Vectors<T>(IDataView data, DataViewSchema.Column column)
    {
        using var cursor = data.GetRowCursor([column]);
        var getter = cursor.GetGetter<T>(column);
        while (cursor.MoveNext())
        {
            T value = default;
            getter(ref value);
            yield return value;
        }
    }

    private static IEnumerable<TOut> Values<TIn, TOut>(IDataView data, DataViewSchema.Column column, Func<TIn, TOut> convert)
    {
        using var cursor = data.GetRowCursor([column]);
        var getter = cursor.GetGetter<TIn>(column);
        TIn value = default;
        while (cursor.MoveNext())
        {
            getter(ref value);
            yield return convert(value);
        }
    }
}
