using System.Globalization;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Writes rows as text: dense, or with index:value items where that is shorter.</summary>
internal sealed class TextSaver(char separator, bool headerRow, bool schema, bool forceDense)
{
    /// <summary>An item of a sparse tail costs as much as this many places of a dense one.</summary>
    private const double SparseWeight = 2.5;

    /// <summary>Reads a column's items of the current row that are not the default; gives the number of its places.</summary>
    private delegate int ReadItems(Action<int, string> add);

    public void Save(IDataView data, Stream stream, bool keepHidden)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        var columns = data.Schema.Where(c => keepHidden || !c.IsHidden).ToArray();
        bool header = headerRow && columns.Length > 0;
        if (schema)
            WriteSchema(writer, columns, header);
        if (header)
            WriteRow(writer, columns.Select(HeaderReader).ToArray(), columns.Select(_ => "\"\"").ToArray());

        using var cursor = data.GetRowCursor(columns);
        var readers = columns.Select(c => Reader(cursor, c)).ToArray();
        var defaults = columns.Select(DefaultTextOf).ToArray();
        while (cursor.MoveNext())
            WriteRow(writer, readers, defaults);
    }

    private void WriteSchema(TextWriter writer, DataViewSchema.Column[] columns, bool header)
    {
        writer.WriteLine("#@ TextLoader{");
        if (header)
            writer.WriteLine("#@   header+");
        writer.WriteLine($"#@   sep={EmbeddedSchema.NameOfSeparator(separator)}");
        int field = 0;
        foreach (var column in columns)
        {
            var vector = column.Type as VectorDataViewType;
            var item = vector?.ItemType ?? column.Type;
            var kind = DataKinds.FromRawType(item.RawType) ?? throw Contracts.ExceptNotSupp($"Column '{column.Name}' of type '{column.Type}' cannot be written as text");
            string kindName = EmbeddedSchema.Kinds.First(k => k.Kind == kind).Name + (item is KeyDataViewType key ? $"[{key.Count}]" : "");
            string fields = vector is null ? field.ToString(CultureInfo.InvariantCulture)
                : vector.IsKnownSize ? $"{field}-{field + vector.Size - 1}" : $"{field}-**";
            writer.WriteLine($"#@   col={column.Name}:{kindName}:{fields}");
            field += vector is null ? 1 : vector.Size;
        }
        writer.WriteLine("#@ }");
    }

    private ReadItems HeaderReader(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
        {
            return add =>
            {
                add(0, Quote(column.Name));
                return 1;
            };
        }
        var names = AnnotationKinds.SlotNamesOrNull(column) ?? [];
        return add =>
        {
            for (int i = 0; i < names.Length; i++)
            {
                if (names[i].Length > 0)
                    add(i, Quote(names[i]));
            }
            return vector.Size;
        };
    }

    private void WriteRow(TextWriter writer, ReadItems[] readers, string[] defaults)
    {
        var items = new List<(int Place, string Text)>();
        // Where each column begins: its place and its first item.
        var starts = new (int Place, int Item)[readers.Length + 1];
        for (int i = 0; i < readers.Length; i++)
        {
            int start = starts[i].Place;
            int length = readers[i]((slot, text) => items.Add((start + slot, text)));
            starts[i + 1] = (start + length, items.Count);
        }
        int split = forceDense ? readers.Length : SplitOf(starts, items.Count);
        var fields = new List<string>();
        for (int i = 0, item = 0; i < split; i++)
        {
            for (int place = starts[i].Place; place < starts[i + 1].Place; place++)
                fields.Add(item < items.Count && items[item].Place == place ? items[item++].Text : defaults[i]);
        }
        if (split < readers.Length)
        {
            var (start, first) = starts[split];
            fields.Add((starts[^1].Place - start).ToString(CultureInfo.InvariantCulture));
            // A sparse tail needs an item to be known as one.
            if (first == items.Count)
                fields.Add($"0:{defaults[split]}");
            fields.AddRange(items.Skip(first).Select(i => $"{i.Place - start}:{i.Text}"));
        }
        writer.WriteLine(string.Join(separator, fields));
    }

    /// <summary>The column where index:value items begin: the cheapest, if they save enough.</summary>
    private static int SplitOf((int Place, int Item)[] starts, int items)
    {
        int best = 0;
        double bestCost = SparseWeight * items;
        for (int i = 1; i < starts.Length; i++)
        {
            double cost = starts[i].Place + SparseWeight * (items - starts[i].Item);
            if (cost < bestCost)
                (best, bestCost) = (i, cost);
        }
        int sparse = starts[^1].Place - starts[best].Place;
        return sparse < 5 || sparse < starts[best].Place / 5 ? starts.Length - 1 : best;
    }

    private string DefaultTextOf(DataViewSchema.Column column)
    {
        var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        return Getters.Call<string>(Getters.Method(typeof(TextSaver), nameof(DefaultText)), item.RawType, item, this);
    }

    private static string DefaultText<T>(DataViewType item, TextSaver saver) => saver.TextOf<T>(item)(default);

    private ReadItems Reader(DataViewRow row, DataViewSchema.Column column) => column.Type is VectorDataViewType vector
        ? Getters.Call<ReadItems>(Getters.Method(typeof(TextSaver), nameof(VectorReader)), vector.ItemType.RawType, this, row, column)
        : Getters.Call<ReadItems>(Getters.Method(typeof(TextSaver), nameof(ScalarReader)), column.Type.RawType, this, row, column);

    private static ReadItems ScalarReader<T>(TextSaver saver, DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        var text = saver.TextOf<T>(column.Type);
        string usual = text(default);
        T value = default;
        return add =>
        {
            getter(ref value);
            string t = text(value);
            if (t != usual)
                add(0, t);
            return 1;
        };
    }

    private static ReadItems VectorReader<T>(TextSaver saver, DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        var text = saver.TextOf<T>(((VectorDataViewType)column.Type).ItemType);
        string usual = text(default);
        VBuffer<T> value = default;
        return add =>
        {
            getter(ref value);
            foreach (var (slot, item) in value.Items())
            {
                string t = text(item);
                if (t != usual)
                    add(slot, t);
            }
            return value.Length;
        };
    }

    private Func<T, string> TextOf<T>(DataViewType item)
    {
        if (item is KeyDataViewType)
            return v => Convert.ToUInt64(v, CultureInfo.InvariantCulture) is var k && k == 0 ? "" : (k - 1).ToString(CultureInfo.InvariantCulture);
        return v => v switch
        {
            ReadOnlyMemory<char> t => Quote(t.ToString()),
            float f => Real(f, f.ToString("R", CultureInfo.InvariantCulture)),
            double d => Real(d, d.ToString("R", CultureInfo.InvariantCulture)),
            bool b => b ? "1" : "0",
            DateTime d => $"\"{d.ToString("o", CultureInfo.InvariantCulture)}\"",
            DateTimeOffset d => $"\"{d.ToString("o", CultureInfo.InvariantCulture)}\"",
            TimeSpan t => $"\"{t.ToString("c", CultureInfo.InvariantCulture)}\"",
            IFormattable n => n.ToString(null, CultureInfo.InvariantCulture),
            _ => throw Contracts.ExceptNotSupp($"Values of type '{item}' cannot be written as text"),
        };
    }

    private static string Real(double value, string text) => double.IsNaN(value) ? "?" : double.IsInfinity(value) ? (value > 0 ? "∞" : "-∞") : text;

    /// <summary>Text in quotes where it would not be read back as it is.</summary>
    private string Quote(string text)
    {
        bool needed = text.Length == 0 || text[0] == ' ' || text.IndexOfAny(['"', separator, ':', '\n']) >= 0;
        return needed ? "\"" + text.Replace("\"", "\"\"") + "\"" : text;
    }
}
