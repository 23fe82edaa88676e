namespace Microsoft.ML.Data;

/// <summary>Which values are missing: NaN and the key 0.</summary>
internal static class MissingValues
{
    public static bool Has(DataViewType item) =>
        item is KeyDataViewType || item.Equals(NumberDataViewType.Single) || item.Equals(NumberDataViewType.Double);

    /// <summary>The test of a value of this item type.</summary>
    public static Func<T, bool> IsMissing<T>(DataViewType item)
    {
        if (item is KeyDataViewType)
            return value => EqualityComparer<T>.Default.Equals(value, default);
        if (typeof(T) == typeof(float))
            return (Func<T, bool>)(object)(Func<float, bool>)float.IsNaN;
        return (Func<T, bool>)(object)(Func<double, bool>)double.IsNaN;
    }

    public static Func<bool> CreateTest(DataViewRow row, DataViewSchema.Column column) =>
        column.Type is VectorDataViewType vector
            ? Getters.Call<Func<bool>>(Getters.Method(typeof(MissingValues), nameof(AnyInVector)), vector.ItemType.RawType, row, column)
            : Getters.Call<Func<bool>>(Getters.Method(typeof(MissingValues), nameof(InScalar)), column.Type.RawType, row, column);

    private static Func<bool> InScalar<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        var test = IsMissing<T>(column.Type);
        T value = default;
        return () =>
        {
            getter(ref value);
            return test(value);
        };
    }

    private static Func<bool> AnyInVector<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        var item = ((VectorDataViewType)column.Type).ItemType;
        var test = IsMissing<T>(item);
        VBuffer<T> value = default;
        return () =>
        {
            getter(ref value);
            foreach (var x in value.GetValues())
            {
                if (test(x))
                    return true;
            }
            return item is KeyDataViewType && !value.IsDense;
        };
    }
}
