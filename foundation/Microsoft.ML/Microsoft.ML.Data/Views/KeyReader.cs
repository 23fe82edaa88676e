using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Reads keys of any raw type as 64 bit numbers.</summary>
internal static class KeyReader
{
    public static Func<ulong> Create(DataViewRow row, DataViewSchema.Column column)
    {
        var raw = column.Type.RawType;
        if (raw == typeof(byte))
            return Read<byte>(row, column, v => v);
        if (raw == typeof(ushort))
            return Read<ushort>(row, column, v => v);
        if (raw == typeof(uint))
            return Read<uint>(row, column, v => v);
        Contracts.Check(raw == typeof(ulong));
        return Read<ulong>(row, column, v => v);
    }

    private static Func<ulong> Read<T>(DataViewRow row, DataViewSchema.Column column, Func<T, ulong> convert)
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
