using FsCheck;
using FsCheck.Fluent;
using Microsoft.ML.Data;

namespace FoundationTests.Properties;

/// <summary>Tables of random schemas and values.</summary>
internal static class TableGenerators
{
    private const string LineBreak = "\n";

    private static readonly string[] Pieces =
        ["", "a", "plain", " ", "  ", "\"", "\"\"", ",", ";", "|", "\t", ":", "0:1", "#", "//", "\\", LineBreak, "ü", "漢", "🙂", "NaN", "?", "1.5", "-", "\u0001", "\u00a0"];

    /// <summary>
    /// A table with a number in front: a line that is empty, or begins as a comment does, is no row in the real library either.
    /// </summary>
    public static Gen<Table> Tables(bool lineBreaks) =>
        from rows in Gen.Choose(0, 12)
        from width in Gen.Choose(0, 6)
        from first in Of("First", NumberDataViewType.Int32, DataKind.Int32, Gen.Choose(-3, 3), rows)
        from others in Gen.CollectToArray(Enumerable.Range(0, width).Select(i => Column("C" + i, rows, lineBreaks)))
        select new Table(rows, [first, .. others]);

    private static Gen<TableColumn> Column(string name, int rows, bool lineBreaks) => Gen.OneOf(
        Both(name, NumberDataViewType.Single, DataKind.Single, Number<float>(), rows),
        Both(name, NumberDataViewType.Double, DataKind.Double, Number<double>(), rows),
        Both(name, NumberDataViewType.SByte, DataKind.SByte, Number<sbyte>(), rows),
        Both(name, NumberDataViewType.Byte, DataKind.Byte, Number<byte>(), rows),
        Both(name, NumberDataViewType.Int16, DataKind.Int16, Number<short>(), rows),
        Both(name, NumberDataViewType.UInt16, DataKind.UInt16, Number<ushort>(), rows),
        Both(name, NumberDataViewType.Int32, DataKind.Int32, Number<int>(), rows),
        Both(name, NumberDataViewType.UInt32, DataKind.UInt32, Number<uint>(), rows),
        Both(name, NumberDataViewType.Int64, DataKind.Int64, Number<long>(), rows),
        Both(name, NumberDataViewType.UInt64, DataKind.UInt64, Number<ulong>(), rows),
        Both(name, BooleanDataViewType.Instance, DataKind.Boolean, Gen.Elements(true, false), rows),
        Both(name, TextDataViewType.Instance, DataKind.String, Text(lineBreaks), rows),
        Both(name, new KeyDataViewType(typeof(uint), 5), DataKind.UInt32, Gen.Choose(0, 5).Select(k => (uint)k), rows),
        Both(name, new KeyDataViewType(typeof(byte), 255), DataKind.Byte, Number<byte>(), rows),
        Both(name, TimeSpanDataViewType.Instance, DataKind.TimeSpan, Number<long>().Select(TimeSpan.FromTicks), rows),
        Both(name, DateTimeDataViewType.Instance, DataKind.DateTime, Ticks.Select(t => new DateTime(t, DateTimeKind.Utc)), rows),
        Both(name, DateTimeOffsetDataViewType.Instance, DataKind.DateTimeOffset,
            from t in Ticks from m in Gen.Choose(-14 * 60, 14 * 60) select new DateTimeOffset(t, TimeSpan.Zero).ToOffset(TimeSpan.FromMinutes(m)), rows));

    private static Gen<T> Number<T>() => Gen.OneOf(ArbMap.Default.GeneratorFor<T>(), Gen.Constant(default(T)!));

    private static Gen<ReadOnlyMemory<char>> Text(bool lineBreaks)
    {
        var piece = Gen.Elements(Pieces.Where(p => lineBreaks || p != LineBreak));
        return Gen.OneOf(piece, from a in piece from b in piece from c in piece select a + b + c).Select(t => t.AsMemory());
    }

    // A day from either end, so that an offset does not leave the range.
    private static Gen<long> Ticks => ArbMap.Default.GeneratorFor<DateTime>().Select(d => Math.Clamp(d.Ticks, TimeSpan.TicksPerDay, DateTime.MaxValue.Ticks - TimeSpan.TicksPerDay));

    private static Gen<TableColumn> Both<T>(string name, PrimitiveDataViewType type, DataKind kind, Gen<T> values, int rows) =>
        Gen.OneOf(Of(name, type, kind, values, rows), Vectors(name, type, kind, values, rows));

    private static Gen<TableColumn> Of<T>(string name, DataViewType type, DataKind kind, Gen<T> values, int rows) =>
        values.ArrayOf(rows).Select(v => (TableColumn)new TableColumn<T>(name, type, kind, v, Same));

    private static Gen<TableColumn> Vectors<T>(string name, PrimitiveDataViewType type, DataKind kind, Gen<T> values, int rows) =>
        from size in Gen.Choose(1, 7)
        from vectors in Vector(values, size).ArrayOf(rows)
        select (TableColumn)new TableColumn<VBuffer<T>>(name, new VectorDataViewType(type, size), kind, vectors, (a, b) => a.Length == b.Length && a.DenseValues().Zip(b.DenseValues()).All(p => Same(p.First, p.Second)));

    private static Gen<VBuffer<T>> Vector<T>(Gen<T> values, int size) =>
        from items in values.ArrayOf(size)
        from filled in Gen.Elements(true, false).ArrayOf(size)
        from dense in Gen.Elements(true, false)
        select dense ? new VBuffer<T>(size, items) : Sparse(items, filled);

    private static VBuffer<T> Sparse<T>(T[] items, bool[] filled)
    {
        int[] indices = Enumerable.Range(0, items.Length).Where(i => filled[i]).ToArray();
        return new VBuffer<T>(items.Length, indices.Length, indices.Select(i => items[i]).ToArray(), indices);
    }

    /// <summary>Equal values; the same text; the same point in time and the same offset; every NaN is like another.</summary>
    private static bool Same<T>(T a, T b) => (a, b) switch
    {
        (ReadOnlyMemory<char> x, ReadOnlyMemory<char> y) => x.Span.SequenceEqual(y.Span),
        (DateTimeOffset x, DateTimeOffset y) => x.EqualsExact(y),
        _ => EqualityComparer<T>.Default.Equals(a, b),
    };
}
