using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

/// <summary>Reads a number or a vector of numbers as doubles.</summary>
internal static class NumberReader
{
    public delegate ReadOnlySpan<double> Read();

    public static Read Create(DataViewRow row, DataViewSchema.Column column)
    {
        bool single = NormalizingTransformer.IsSingle(column.Type);
        if (column.Type is VectorDataViewType)
            return single ? Vector<float>(row, column, v => v) : Vector<double>(row, column, v => v);
        return single ? Scalar<float>(row, column, v => v) : Scalar<double>(row, column, v => v);
    }

    private static Read Scalar<T>(DataViewRow row, DataViewSchema.Column column, Func<T, double> convert)
    {
        var getter = row.GetGetter<T>(column);
        T value = default;
        var one = new double[1];
        return () =>
        {
            getter(ref value);
            one[0] = convert(value);
            return one;
        };
    }

    private static Read Vector<T>(DataViewRow row, DataViewSchema.Column column, Func<T, double> convert)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> value = default;
        double[] all = [];
        return () =>
        {
            getter(ref value);
            if (all.Length != value.Length)
                all = new double[value.Length];
            all.AsSpan().Clear();
            foreach (var (i, x) in value.Items())
                all[i] = convert(x);
            return all;
        };
    }
}
