using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Data;

/// <summary>Data view files: random views survive them, their bytes are where the format says, damaged ones are refused.</summary>
[TestClass]
public sealed class BinaryFileTests
{
    /// <summary>A view of columns of random types and values.</summary>
    private static (IDataView View, Func<int, string> Row) RandomView(MLContext ml, Random random)
    {
        int rows = random.Next(4) switch { 0 => 0, 1 => 1, 2 => random.Next(2, 40), _ => random.Next(40, 300) };
        var source = ml.Data.LoadFromEnumerable(Enumerable.Range(0, rows).Select(_ => Everything.Random(random)).ToArray());
        var names = source.Schema.Select(c => c.Name).Where(_ => random.Next(3) > 0).DefaultIfEmpty("Int").Distinct().ToArray();
        var view = ml.Transforms.SelectColumns(names).Fit(source).Transform(source);
        if (random.Next(2) == 0 && names.Contains("Text"))
            view = ml.Transforms.Conversion.MapValueToKey("TextKey", "Text").Fit(view).Transform(view);
        if (random.Next(2) == 0 && names.Contains("Fixed"))
            view = ml.Transforms.Concatenate("Joined", "Fixed", "Fixed").Fit(view).Transform(view);
        var shown = Shown(view);
        return (view, i => shown[i]);
    }

    private static string[] Shown(IDataView view) => view.Preview(int.MaxValue).RowView
        .Select(r => string.Join("; ", r.Values.Select(v => v.Key + "=" + Text(v.Value)))).ToArray();

    private static string Text(object value) => value switch
    {
        VBuffer<float> v => Items(v),
        VBuffer<double> v => Items(v),
        VBuffer<ReadOnlyMemory<char>> v => Items(v),
        float f => BitConverter.SingleToInt32Bits(f).ToString("x"),
        double d => BitConverter.DoubleToInt64Bits(d).ToString("x"),
        DateTime t => t.Ticks.ToString(),
        DateTimeOffset t => t.ToString("o"),
        _ => value.ToString()!,
    };

    private static string Items<T>(VBuffer<T> v) => $"[{v.Length} {v.IsDense}: {string.Join(' ', v.Items().Select(i => i.Key + ":" + i.Value))}]";

    private static string Annotations(DataViewSchema schema) => string.Join('\n', schema.Select(c => c.Name + " " + c.Type + " "
        + string.Join(',', c.Annotations.Schema.Select(a => a.Name + a.Type + (a.Type is VectorDataViewType { ItemType: TextDataViewType } ? Names(c, a.Name) : "")))));

    private static string Names(DataViewSchema.Column column, string kind)
    {
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        column.Annotations.GetValue(kind, ref names);
        return string.Join('|', names.DenseValues());
    }

    private static byte[] Save(MLContext ml, IDataView view, bool keepHidden = false)
    {
        using var stream = new MemoryStream();
        ml.Data.SaveAsBinary(view, stream, keepHidden);
        return stream.ToArray();
    }

    private static IDataView Load(MLContext ml, byte[] file)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, file);
            return ml.Data.LoadFromBinary(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Random_views_come_back_as_they_were()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var ml = new MLContext(seed);
            var (view, row) = RandomView(ml, new Random(seed));
            var loaded = Load(ml, Save(ml, view));
            var visible = new DataViewSchema.Builder();
            foreach (var column in view.Schema.Where(c => !c.IsHidden))
                visible.AddColumn(column.Name, column.Type, column.Annotations);
            Assert.AreEqual(Annotations(visible.ToSchema()), Annotations(loaded.Schema), $"seed {seed}");
            var rows = Shown(loaded);
            Assert.AreEqual(loaded.GetRowCount(), rows.Length);
            for (int i = 0; i < rows.Length; i++)
                Assert.AreEqual(row(i), rows[i], $"seed {seed}, row {i}");
        }
    }

    /// <summary>More rows than a block holds, read in one pass and in sets of cursors.</summary>
    [TestMethod]
    public void Blocks_and_cursor_sets()
    {
        var ml = new MLContext(1);
        var values = Enumerable.Range(0, 20_000).Select(i => new Number { Value = i * 7 % 1000, Text = "t" + i }).ToArray();
        var file = Save(ml, ml.Data.LoadFromEnumerable(values));
        var loaded = Load(ml, file);
        CollectionAssert.AreEqual(values.Select(v => v.Value).ToArray(), loaded.GetColumn<int>("Value").ToArray());
        // Header: 20,000 rows of 2 columns; the table of contents says 8,192 rows a block.
        Assert.AreEqual(20_000L, BitConverter.ToInt64(file, 40));
        Assert.AreEqual(2, BitConverter.ToInt32(file, 48));
        foreach (var view in new[] { loaded, ml.Data.Cache(loaded) })
        {
            foreach (int n in new[] { 1, 3, 1000 })
            {
                var cursors = view.GetRowCursorSet(view.Schema, n);
                Assert.IsTrue(cursors.Length >= 1 && cursors.Length <= n && (n == 1 || cursors.Length > 1));
                var seen = new List<(long Batch, long Position, int Value, string Text, ulong Id)>();
                foreach (var cursor in cursors)
                {
                    var value = cursor.GetGetter<int>(view.Schema["Value"]);
                    var text = cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema["Text"]);
                    var id = cursor.GetIdGetter();
                    while (cursor.MoveNext())
                    {
                        int v = 0;
                        ReadOnlyMemory<char> t = default;
                        DataViewRowId i = default;
                        value(ref v);
                        text(ref t);
                        id(ref i);
                        seen.Add((cursor.Batch, cursor.Position, v, t.ToString(), i.Low));
                    }
                }
                // Batches put the rows of all cursors in order.
                var ordered = seen.OrderBy(s => s.Batch).ThenBy(s => s.Position).ToArray();
                CollectionAssert.AreEqual(values.Select(v => v.Text).ToArray(), ordered.Select(s => s.Text).ToArray());
                CollectionAssert.AreEqual(Enumerable.Range(0, values.Length).Select(i => (ulong)i).ToArray(), ordered.Select(s => s.Id).ToArray());
            }
        }
    }

    public sealed class Number
    {
        public int Value { get; set; }
        public string Text { get; set; } = "";
    }

    /// <summary>One column of three numbers, byte by byte as the format's description has it.</summary>
    [TestMethod]
    public void The_layout_of_a_small_file()
    {
        var ml = new MLContext(1);
        var view = ml.Transforms.SelectColumns("Value").Fit(ml.Data.LoadFromEnumerable(new[] { new Number { Value = 5 } }))
            .Transform(ml.Data.LoadFromEnumerable(new[] { new Number { Value = 5 }, new Number { Value = -1 }, new Number { Value = 9 } }));
        var file = Save(ml, view);
        using var reader = new BinaryReader(new MemoryStream(file), Encoding.UTF8);
        CollectionAssert.AreEqual(new byte[] { 0x43, 0x4D, 0x4C, 0x00, 0x44, 0x56, 0x42, 0x00 }, reader.ReadBytes(8));
        Assert.AreEqual(0x0001000100010006ul, reader.ReadUInt64());
        Assert.AreEqual(0x0001000100010006ul, reader.ReadUInt64());
        long contents = reader.ReadInt64(), tail = reader.ReadInt64();
        Assert.AreEqual(3, reader.ReadInt64());
        Assert.AreEqual(1, reader.ReadInt32());
        Assert.AreEqual(file.Length, tail + 8);
        CollectionAssert.AreEqual(new byte[] { 0x00, 0x42, 0x56, 0x44, 0x00, 0x4C, 0x4D, 0x43 }, file[(int)tail..]);
        reader.BaseStream.Position = contents;
        Assert.AreEqual("Value", reader.ReadString());
        Assert.AreEqual("Int32", reader.ReadString());
        Assert.AreEqual(0, reader.Read7BitEncodedInt());
        Assert.AreEqual(1, reader.ReadByte());
        Assert.AreEqual(3, reader.Read7BitEncodedInt());
        long lookup = reader.ReadInt64();
        Assert.AreEqual(0, reader.ReadInt64());
        reader.BaseStream.Position = lookup;
        long block = reader.ReadInt64();
        int stored = reader.ReadInt32();
        Assert.AreEqual(12, reader.ReadInt32());
        Assert.AreEqual(256, block);
        using var inflate = new System.IO.Compression.DeflateStream(new MemoryStream(file, (int)block, stored), System.IO.Compression.CompressionMode.Decompress);
        using var values = new BinaryReader(inflate);
        CollectionAssert.AreEqual(new[] { 5, -1, 9 }, new[] { values.ReadInt32(), values.ReadInt32(), values.ReadInt32() });
    }

    [TestMethod]
    public void Hidden_columns_are_kept_on_demand()
    {
        var ml = new MLContext(1);
        var source = ml.Data.LoadFromEnumerable(new[] { new Number { Value = 5, Text = "x" } });
        var view = ml.Transforms.Conversion.ConvertType("Value", outputKind: DataKind.Double).Fit(source).Transform(source);
        Assert.HasCount(2, Load(ml, Save(ml, view)).Schema);
        Assert.HasCount(3, Load(ml, Save(ml, view, keepHidden: true)).Schema);
    }

    private static void Mutations(int count)
    {
        var ml = new MLContext(1);
        var random = new Random(23);
        var file = Save(ml, ml.Data.LoadFromEnumerable(Enumerable.Range(0, 30).Select(_ => Everything.Random(random)).ToArray()));
        int refused = 0;
        long before = GC.GetTotalAllocatedBytes();
        for (int i = 0; i < count; i++)
        {
            var damaged = file.ToArray();
            if (random.Next(5) == 0)
                damaged = damaged[..random.Next(damaged.Length)];
            for (int k = random.Next(1, 5); k > 0 && damaged.Length > 4; k--)
            {
                int at = random.Next(damaged.Length - 4);
                if (random.Next(2) == 0)
                    damaged[at] ^= (byte)(1 << random.Next(8));
                else
                    BitConverter.TryWriteBytes(damaged.AsSpan(at), random.Next(2) == 0 ? int.MaxValue : random.Next());
            }
            try
            {
                ml.Data.LoadFromBinary(new Bytes(damaged)).Preview();
            }
            catch (Exception e) when (e is FormatException or InvalidOperationException or ArgumentException or NotSupportedException)
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(count / 4, refused);
        Assert.IsLessThan(count * 4L << 20, GC.GetTotalAllocatedBytes() - before, "damaged files take too much memory");
    }

    [TestMethod]
    public void Damaged_files_are_refused_or_read() => Mutations(500);

    [TestMethod]
    [TestCategory("Slow")]
    public void Ten_thousand_damaged_files_are_refused_or_read() => Mutations(10_000);

    [TestMethod]
    public void A_file_that_is_not_there_or_no_data_view_is_told()
    {
        var ml = new MLContext(1);
        Assert.Contains("File does not exist at path", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Data.LoadFromBinary("nothing.idv")).Message);
        Assert.AreEqual("Wrong file type", Assert.ThrowsExactly<FormatException>(() => Load(ml, new byte[400])).Message);
    }

    private sealed class Bytes(byte[] file) : IMultiStreamSource
    {
        public int Count => 1;

        public string GetPathOrNull(int index) => null!;

        public Stream Open(int index) => new MemoryStream(file);

        public TextReader OpenTextReader(int index) => new StreamReader(Open(index));
    }

    public sealed class Everything
    {
        public bool Bool { get; set; }
        public sbyte SByte { get; set; }
        public byte Byte { get; set; }
        public short Short { get; set; }
        public ushort UShort { get; set; }
        public int Int { get; set; }
        public uint UInt { get; set; }
        public long Long { get; set; }
        public ulong ULong { get; set; }
        public float Single { get; set; }
        public double Double { get; set; }
        public string Text { get; set; } = "";
        public DateTime When { get; set; }
        public DateTimeOffset Offset { get; set; }
        public TimeSpan Span { get; set; }
        public DataViewRowId Id { get; set; }
        [KeyType(9)] public uint Key { get; set; }
        [VectorType(3)] public float[] Fixed { get; set; } = [];
        public VBuffer<double> Loose { get; set; }
        public string[] Texts { get; set; } = [];

        public static Everything Random(Random r)
        {
            int length = r.Next(6);
            string Text() => r.Next(5) switch { 0 => "", 1 => "tab\tquote\"", 2 => "ünï 😀", 3 => new string('x', r.Next(40)), _ => r.Next().ToString() };
            return new Everything
            {
                Bool = r.Next(2) == 0,
                SByte = (sbyte)r.Next(-128, 128),
                Byte = (byte)r.Next(256),
                Short = (short)r.Next(-32768, 32768),
                UShort = (ushort)r.Next(65536),
                Int = r.Next() - r.Next(),
                UInt = (uint)r.NextInt64(1L << 32),
                Long = r.NextInt64() - r.NextInt64(),
                ULong = (ulong)r.NextInt64(),
                Single = r.Next(6) switch { 0 => float.NaN, 1 => -0f, 2 => float.PositiveInfinity, _ => (float)r.NextDouble() },
                Double = r.Next(6) == 0 ? double.NegativeInfinity : r.NextDouble() * 1e9,
                Text = Text(),
                When = new DateTime(r.NextInt64(DateTime.MaxValue.Ticks)),
                Offset = new DateTimeOffset(r.NextInt64(TimeSpan.TicksPerDay * 3, TimeSpan.TicksPerDay * 800_000), TimeSpan.FromMinutes(r.Next(-840, 841))),
                Span = new TimeSpan(r.NextInt64() - r.NextInt64()),
                Id = new DataViewRowId((ulong)r.NextInt64(), (ulong)r.NextInt64()),
                Key = (uint)r.Next(12),
                Fixed = [(float)r.NextDouble(), 0, -1],
                Loose = length > 2 && r.Next(2) == 0 ? new VBuffer<double>(length, 1, [r.NextDouble()], [r.Next(length)])
                    : new VBuffer<double>(length, Enumerable.Range(0, length).Select(_ => r.NextDouble()).ToArray()),
                Texts = Enumerable.Range(0, r.Next(4)).Select(_ => Text()).ToArray(),
            };
        }
    }
}
