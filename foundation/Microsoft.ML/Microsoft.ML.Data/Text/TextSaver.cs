using System.Globalization;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Writes rows as text: dense, or with index:value items where that is shorter.</summary>
internal sealed class TextSaver(char separator, bool headerRow, bool schema, bool forceDense)
{
    /// <summary>One slot of a row: its text, and whether it is the default value.</summary>
    private delegate void ReadSlots(List<(int Slot, string Text)> slots, ref int length);

    public void Save(IDataView data, Stream stream, bool keepHidden)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        var columns = data.Schema.Where(c => keepHidden || !c.IsHidden).ToArray();
        bool header = headerRow && columns.Length > 0;
        if (schema)
            WriteSchema(writer, columns, header);
        if (header)
            writer.WriteLine(string.Join(separator, columns.SelectMany(HeaderOf)));

        using var cursor = data.GetRowCursor(columns);
        var readers = columns.Select(c => Reader(cursor, c)).ToArray();
        var defaults = columns.Select(DefaultTextOf).ToArray();
        var slots = new List<(int Slot, string Text)>();
        while (cursor.MoveNext())
            WriteRow(writer, readers, defaults, slots);
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

    private IEnumerable<string> HeaderOf(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
            return [Quote(column.Name)];
        var names = AnnotationKinds.SlotNamesOrNull(column);
        return names is null ? Enumerable.Repeat("", vector.Size) : names.Select(n => Quote(n));
    }

    private void WriteRow(TextWriter writer, ReadSlots[] readers, string[] defaults, List<(int Slot, string Text)> slots)
    {
        slots.Clear();
        int length = 0;
        var owners = new List<(int Limit, string Default)>();
        for (int i = 0; i < readers.Length; i++)
        {
            readers[i](slots, ref length);
            owners.Add((length, defaults[i]));
        }
        var explicitSlots = slots.Where(s => s.Text is not null).ToArray();
        if (forceDense || !SparseIsShorter(explicitSlots, length))
        {
            var all = new string[length];
            int owner = 0;
            for (int i = 0; i < length; i++)
            {
                while (i >= owners[owner].Limit)
                    owner++;
                all[i] = owners[owner].Default;
            }
            foreach (var (slot, text) in explicitSlots)
                all[slot] = text;
            writer.WriteLine(string.Join(separator, all));
            return;
        }
        WriteSparse(writer, explicitSlots, length);
    }

    /// <summary>Where the plain fields at the front end and the index:value items begin.</summary>
    private static int SparseStart((int Slot, string Text)[] slots, int length)
    {
        // Items cost their index beside the value; plain fields cost a separator for each default.
        int best = length, bestCost = length;
        for (int n = 0; n <= slots.Length; n++)
        {
            int start = n == 0 ? 0 : slots[n - 1].Slot + 1;
            int cost = start + 2 * (slots.Length - n) + 1;
            if (cost < bestCost)
            {
                best = start;
                bestCost = cost;
            }
        }
        return best;
    }

    private static bool SparseIsShorter((int Slot, string Text)[] slots, int length) => SparseStart(slots, length) < length;

    private void WriteSparse(TextWriter writer, (int Slot, string Text)[] slots, int length)
    {
        int start = SparseStart(slots, length);
        var items = new List<string>();
        var plain = slots.Where(s => s.Slot < start).ToDictionary(s => s.Slot, s => s.Text);
        for (int i = 0; i < start; i++)
            items.Add(plain.GetValueOrDefault(i, "0"));
        items.Add((length - start).ToString(CultureInfo.InvariantCulture));
        items.AddRange(slots.Where(s => s.Slot >= start).Select(s => $"{s.Slot - start}:{s.Text}"));
        writer.WriteLine(string.Join(separator, items));
    }

    private string DefaultTextOf(DataViewSchema.Column column)
    {
        var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        return Getters.Call<string>(Getters.Method(typeof(TextSaver), nameof(DefaultText)), item.RawType, item, this);
    }

    private static string DefaultText<T>(DataViewType item, TextSaver saver) => saver.TextOf<T>(item)(default);

    private ReadSlots Reader(DataViewRow row, DataViewSchema.Column column) => column.Type is VectorDataViewType vector
        ? Getters.Call<ReadSlots>(Getters.Method(typeof(TextSaver), nameof(VectorReader)), vector.ItemType.RawType, this, row, column)
        : Getters.Call<ReadSlots>(Getters.Method(typeof(TextSaver), nameof(ScalarReader)), column.Type.RawType, this, row, column);

    private static ReadSlots ScalarReader<T>(TextSaver saver, DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        var text = saver.TextOf<T>(column.Type);
        string zero = text(default);
        T value = default;
        return (List<(int, string)> slots, ref int length) =>
        {
            getter(ref value);
            string t = text(value);
            slots.Add((length++, t == zero && !typeof(T).Equals(typeof(ReadOnlyMemory<char>)) ? null : t));
        };
    }

    private static ReadSlots VectorReader<T>(TextSaver saver, DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        var text = saver.TextOf<T>(((VectorDataViewType)column.Type).ItemType);
        string zero = text(default);
        VBuffer<T> value = default;
        return (List<(int, string)> slots, ref int length) =>
        {
            getter(ref value);
            foreach (var (slot, item) in value.Items())
            {
                string t = text(item);
                slots.Add((length + slot, t == zero && !typeof(T).Equals(typeof(ReadOnlyMemory<char>)) ? null : t));
            }
            length += value.Length;
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
        bool needed = text.Length == 0 || text[0] == ' ' || text[^1] == ' ' || text.IndexOfAny(['"', '\n', '\r', separator]) >= 0;
        return needed ? "\"" + text.Replace("\"", "\"\"") + "\"" : text;
    }
}
