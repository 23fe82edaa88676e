using System.Globalization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Makes a value of text; false where the text is none.</summary>
internal delegate bool TextParser<T>(ReadOnlyMemory<char> text, out T value);

/// <summary>The parsers of all types, as text files and conversions use them.</summary>
internal static class TextParsers
{
    public static TextParser<T> For<T>(PrimitiveDataViewType type, bool emptyRealIsNaN = false, char decimalMarker = '.')
    {
        if (type is KeyDataViewType key)
            return Key<T>(key.Count);
        Delegate parser = DataKinds.FromRawType(type.RawType) switch
        {
            DataKind.Single => (TextParser<float>)((ReadOnlyMemory<char> t, out float v) => NumberText.TryParse(t.Span, emptyRealIsNaN, decimalMarker, out v)),
            DataKind.Double => (TextParser<double>)((ReadOnlyMemory<char> t, out double v) => NumberText.TryParse(t.Span, emptyRealIsNaN, decimalMarker, out v)),
            DataKind.SByte => (TextParser<sbyte>)((ReadOnlyMemory<char> t, out sbyte v) => Signed(t, sbyte.MinValue, sbyte.MaxValue, out long n) & To((sbyte)n, out v)),
            DataKind.Int16 => (TextParser<short>)((ReadOnlyMemory<char> t, out short v) => Signed(t, short.MinValue, short.MaxValue, out long n) & To((short)n, out v)),
            DataKind.Int32 => (TextParser<int>)((ReadOnlyMemory<char> t, out int v) => Signed(t, int.MinValue, int.MaxValue, out long n) & To((int)n, out v)),
            DataKind.Int64 => (TextParser<long>)((ReadOnlyMemory<char> t, out long v) => Signed(t, long.MinValue, long.MaxValue, out v)),
            DataKind.Byte => (TextParser<byte>)((ReadOnlyMemory<char> t, out byte v) => Unsigned(t, byte.MaxValue, out ulong n) & To((byte)n, out v)),
            DataKind.UInt16 => (TextParser<ushort>)((ReadOnlyMemory<char> t, out ushort v) => Unsigned(t, ushort.MaxValue, out ulong n) & To((ushort)n, out v)),
            DataKind.UInt32 => (TextParser<uint>)((ReadOnlyMemory<char> t, out uint v) => Unsigned(t, uint.MaxValue, out ulong n) & To((uint)n, out v)),
            DataKind.UInt64 => (TextParser<ulong>)((ReadOnlyMemory<char> t, out ulong v) => Unsigned(t, ulong.MaxValue, out v)),
            DataKind.Boolean => (TextParser<bool>)((ReadOnlyMemory<char> t, out bool v) => NumberText.TryParse(t.Span, out v)),
            DataKind.String => (TextParser<ReadOnlyMemory<char>>)((ReadOnlyMemory<char> t, out ReadOnlyMemory<char> v) => To(t, out v)),
            DataKind.TimeSpan => (TextParser<TimeSpan>)((ReadOnlyMemory<char> t, out TimeSpan v) =>
                Empty(t, out v) || TimeSpan.TryParse(t.Span, CultureInfo.InvariantCulture, out v)),
            DataKind.DateTime => (TextParser<DateTime>)((ReadOnlyMemory<char> t, out DateTime v) =>
                Empty(t, out v) || DateTime.TryParse(t.Span, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out v)),
            DataKind.DateTimeOffset => (TextParser<DateTimeOffset>)((ReadOnlyMemory<char> t, out DateTimeOffset v) =>
                Empty(t, out v) || DateTimeOffset.TryParse(t.Span, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out v)),
            _ => throw Contracts.ExceptNotSupp($"Text cannot be read as '{type}'"),
        };
        return (TextParser<T>)parser;
    }

    /// <summary>Keys in text count from 0; what is no key is missing.</summary>
    private static TextParser<T> Key<T>(ulong count)
    {
        return (TextParser<T>)(typeof(T) switch
        {
            var t when t == typeof(byte) => (Delegate)(TextParser<byte>)((ReadOnlyMemory<char> s, out byte v) => To((byte)KeyOf(s, count), out v)),
            var t when t == typeof(ushort) => (TextParser<ushort>)((ReadOnlyMemory<char> s, out ushort v) => To((ushort)KeyOf(s, count), out v)),
            var t when t == typeof(uint) => (TextParser<uint>)((ReadOnlyMemory<char> s, out uint v) => To((uint)KeyOf(s, count), out v)),
            _ => (TextParser<ulong>)((ReadOnlyMemory<char> s, out ulong v) => To(KeyOf(s, count), out v)),
        });
    }

    private static ulong KeyOf(ReadOnlyMemory<char> text, ulong count) =>
        !text.IsEmpty && NumberText.TryParse(text.Span, out ulong value) && value < count ? value + 1 : 0;

    private static bool Signed(ReadOnlyMemory<char> text, long min, long max, out long value) => NumberText.TryParse(text.Span, min, max, out value);

    private static bool Unsigned(ReadOnlyMemory<char> text, ulong max, out ulong value) => NumberText.TryParse(text.Span, out value) && value <= max;

    private static bool Empty<T>(ReadOnlyMemory<char> text, out T value)
    {
        value = default;
        return text.Span.IsWhiteSpace();
    }

    private static bool To<T>(T converted, out T value)
    {
        value = converted;
        return true;
    }
}
