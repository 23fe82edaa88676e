using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Finds the columns an evaluator reads, and reads labels of any type it takes.</summary>
internal static class RoleColumns
{
    public static DataViewSchema.Column Find(DataViewSchema schema, string role, string name)
    {
        Contracts.CheckNonEmpty(name, nameof(name));
        return schema.GetColumnOrNull(name) ?? throw Contracts.ExceptParam(nameof(schema), $"{name} column '{role}' not found");
    }

    /// <summary>A label as a number: keys count from 0, missing is NaN.</summary>
    public static Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        if (label.Type is KeyDataViewType key)
        {
            var read = KeyReader.Create(row, label);
            return () => read() is var raw && (raw == 0 || raw > key.Count) ? float.NaN : raw - 1;
        }
        if (label.Type is BooleanDataViewType)
            return Reader<bool>(row, label, v => v ? 1 : 0);
        return label.Type.RawType == typeof(double) ? Reader<double>(row, label, v => (float)v) : Reader<float>(row, label, v => v);
    }

    public static Func<float> Reader<T>(DataViewRow row, DataViewSchema.Column column, Func<T, float> convert)
    {
        var getter = row.GetGetter<T>(column);
        T value = default;
        return () =>
        {
            getter(ref value);
            return convert(value);
        };
    }
}
