using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>The conversions between primitive types that exist: those that lose nothing but precision, and those from and to text.</summary>
internal static class ValueConversions
{
    private static readonly DataKind[] Signed = [DataKind.SByte, DataKind.Int16, DataKind.Int32, DataKind.Int64];
    private static readonly DataKind[] Unsigned = [DataKind.Byte, DataKind.UInt16, DataKind.UInt32, DataKind.UInt64];

    public static bool Exists(DataViewType source, DataViewType target)
    {
        if (source is KeyDataViewType key)
            return target is KeyDataViewType other && other.Count == key.Count;
        if (target is KeyDataViewType targetKey)
            return source is TextDataViewType || source.RawType == targetKey.RawType;
        if (DataKinds.FromRawType(source.RawType) is not { } from || DataKinds.FromRawType(target.RawType) is not { } to)
            return source.Equals(target);
        if (from == to || from == DataKind.String || to == DataKind.String)
            return true;
        bool real = to is DataKind.Single or DataKind.Double;
        if (Signed.Contains(from))
            return real || Signed.Contains(to);
        if (Unsigned.Contains(from))
            return real || Unsigned.Contains(to);
        return from switch
        {
            DataKind.Single or DataKind.Double => real || to == DataKind.Boolean,
            DataKind.Boolean => real || Signed.Contains(to),
            DataKind.TimeSpan or DataKind.DateTime or DataKind.DateTimeOffset => real || to == DataKind.Int64,
            _ => false,
        };
    }

    public static Func<TIn, TOut> Create<TIn, TOut>(DataViewType source, PrimitiveDataViewType target)
    {
        if (source is TextDataViewType)
            return (Func<TIn, TOut>)(object)FromText<TOut>(target);
        if (source is KeyDataViewType || target is KeyDataViewType)
            return Keys<TIn, TOut>(source, target);
        if (target is TextDataViewType)
            return (Func<TIn, TOut>)(object)(Func<TIn, ReadOnlyMemory<char>>)(v => Text(v).AsMemory());
        if (typeof(TIn) == typeof(TOut))
            return (Func<TIn, TOut>)(object)(Func<TIn, TIn>)(v => v);
        return Numbers<TIn, TOut>();
    }

    private static string Text<T>(T value) => value switch
    {
        bool b => b ? "True" : "False",
        double d => d.ToString("G17", CultureInfo.InvariantCulture),
        float f => f.ToString("R", CultureInfo.InvariantCulture),
        _ => ValueText.Of(value),
    };

    private static Func<TIn, TOut> Numbers<TIn, TOut>() => v => (TOut)(object)(Type.GetTypeCode(typeof(TOut)) switch
    {
        TypeCode.Single => (object)(float)Real(v),
        TypeCode.Double => Real(v),
        TypeCode.Boolean => Real(v) != 0,
        // What does not fit loses its high bits.
        TypeCode.SByte => (sbyte)Whole(v),
        TypeCode.Int16 => (short)Whole(v),
        TypeCode.Int32 => (int)Whole(v),
        TypeCode.Int64 => Ticks(v) ?? Whole(v),
        TypeCode.Byte => (byte)Convert.ToUInt64(v, CultureInfo.InvariantCulture),
        TypeCode.UInt16 => (ushort)Convert.ToUInt64(v, CultureInfo.InvariantCulture),
        TypeCode.UInt32 => (uint)Convert.ToUInt64(v, CultureInfo.InvariantCulture),
        TypeCode.UInt64 => Convert.ToUInt64(v, CultureInfo.InvariantCulture),
        _ => throw Contracts.ExceptNotSupp($"There is no conversion from {typeof(TIn)} to {typeof(TOut)}"),
    });

    private static long Whole<T>(T value) => Convert.ToInt64(value, CultureInfo.InvariantCulture);

    private static double Real<T>(T value) => value switch
    {
        float f => f,
        double d => d,
        bool b => b ? 1 : 0,
        _ => Ticks(value) ?? Convert.ToDouble(value, CultureInfo.InvariantCulture),
    };

    private static long? Ticks<T>(T value) => value switch
    {
        TimeSpan t => t.Ticks,
        DateTime d => d.Ticks,
        DateTimeOffset d => d.UtcDateTime.Ticks,
        _ => null,
    };

    private static Func<TIn, TOut> Keys<TIn, TOut>(DataViewType source, DataViewType target)
    {
        if (typeof(TIn) == typeof(TOut))
            return (Func<TIn, TOut>)(object)(Func<TIn, TIn>)(v => v);
        ulong count = ((KeyDataViewType)target).Count;
        Contracts.Check(source is KeyDataViewType);
        return v => Convert.ToUInt64(v, CultureInfo.InvariantCulture) is var raw && raw <= count
            ? (TOut)Convert.ChangeType(raw, typeof(TOut), CultureInfo.InvariantCulture) : default;
    }

    /// <summary>Text that is no value: signed integers throw, all others become missing or the default.</summary>
    private static Func<ReadOnlyMemory<char>, T> FromText<T>(PrimitiveDataViewType target)
    {
        var parse = TextParsers.For<T>(target);
        bool throws = DataKinds.FromRawType(typeof(T)) is { } kind && Signed.Contains(kind);
        var wrong = typeof(T) == typeof(float) ? (T)(object)float.NaN : typeof(T) == typeof(double) ? (T)(object)double.NaN : default;
        return text =>
        {
            if (parse(text, out var value))
                return value;
            return throws ? throw Contracts.Except($"Value could not be parsed from text to {NameOf(typeof(T))}.") : wrong;
        };
    }

    private static string NameOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.SByte => "sbyte",
        TypeCode.Int16 => "short",
        TypeCode.Int32 => "int",
        _ => "long",
    };
}
