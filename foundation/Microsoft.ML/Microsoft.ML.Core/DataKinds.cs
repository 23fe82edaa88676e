using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>From kinds to types and back.</summary>
internal static class DataKinds
{
    private static readonly PrimitiveDataViewType[] Types =
    [
        null, NumberDataViewType.SByte, NumberDataViewType.Byte, NumberDataViewType.Int16, NumberDataViewType.UInt16,
        NumberDataViewType.Int32, NumberDataViewType.UInt32, NumberDataViewType.Int64, NumberDataViewType.UInt64,
        NumberDataViewType.Single, NumberDataViewType.Double, TextDataViewType.Instance, BooleanDataViewType.Instance,
        TimeSpanDataViewType.Instance, DateTimeDataViewType.Instance, DateTimeOffsetDataViewType.Instance,
    ];

    public static PrimitiveDataViewType ToType(this DataKind kind) =>
        (int)kind > 0 && (int)kind < Types.Length ? Types[(int)kind] : throw Contracts.ExceptParam(nameof(kind), $"Unknown data kind {(int)kind}");

    /// <summary>The kind of values of a .NET type, or null: key types count as their raw type.</summary>
    public static DataKind? FromRawType(Type rawType)
    {
        if (rawType == typeof(string))
            return DataKind.String;
        for (int i = 1; i < Types.Length; i++)
        {
            if (Types[i].RawType == rawType)
                return (DataKind)i;
        }
        return null;
    }
}
