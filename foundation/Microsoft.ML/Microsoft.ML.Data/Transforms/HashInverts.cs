using System.Globalization;
using System.Text;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>The texts that hashed keys were made of: learnt, saved, loaded.</summary>
internal static class HashInverts
{
    private static readonly VersionInfo Version = new("TEXTSPBF", 0x00010001, 0x00010001, 0x00010001, "TextSpanBuffer", VersionInfo.DataAssembly);

    private static string Folder(int column) => $"Vocabulary_{column:000}";

    /// <summary>Goes through the rows once and keeps for each key the first texts that gave it; null for columns that want none.</summary>
    public static VBuffer<ReadOnlyMemory<char>>?[] Learn(IDataView input, HashingEstimator.ColumnOptions[] columns)
    {
        var wanted = columns.Select(c => c.MaximumNumberOfInverts != 0 && !c.Combine).ToArray();
        var sources = columns.Select(c => input.Schema[c.InputColumnName]).ToArray();
        using var cursor = input.GetRowCursor(sources.Where((_, i) => wanted[i]));
        var collectors = columns.Select((c, i) => wanted[i]
            ? Getters.Call<Collector>(Getters.Method(typeof(HashInverts), nameof(CreateCollector)), ItemOf(sources[i]).RawType, cursor, sources[i], c)
            : null).ToArray();
        while (cursor.MoveNext())
        {
            foreach (var collector in collectors)
                collector?.Collect();
        }
        return collectors.Select(c => c?.Finish()).ToArray();
    }

    private static DataViewType ItemOf(DataViewSchema.Column column) => column.Type is VectorDataViewType v ? v.ItemType : column.Type;

    private static Collector CreateCollector<T>(DataViewRow row, DataViewSchema.Column source, HashingEstimator.ColumnOptions options)
    {
        var text = TextOf<T>(source);
        var item = ItemOf(source);
        uint mask = (1u << options.NumberOfBits) - 1;
        var collector = new Collector(options);
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<T>(source);
            T value = default;
            collector.Collect = () =>
            {
                getter(ref value);
                collector.Add(HashingTransformer.HashOf(value, item, HashingTransformer.SeedOf(options, 0), mask), text(value));
            };
            return collector;
        }
        var vectors = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> vector = default;
        collector.Collect = () =>
        {
            vectors(ref vector);
            foreach (var (slot, value) in vector.Items())
            {
                uint key = HashingTransformer.HashOf(value, item, HashingTransformer.SeedOf(options, slot), mask);
                collector.Add(key, options.UseOrderedHashing ? $"{slot}:{text(value)}" : text(value));
            }
        };
        return collector;
    }

    /// <summary>The text of a value; of a key its name where it has one, else its index.</summary>
    private static Func<T, string> TextOf<T>(DataViewSchema.Column source)
    {
        if (ItemOf(source) is not KeyDataViewType)
            return ValueText.Of;
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        bool named = source.HasKeyValues();
        if (named)
            source.GetKeyValues(ref names);
        return value =>
        {
            ulong raw = Convert.ToUInt64(value, CultureInfo.InvariantCulture);
            return raw == 0 ? "" : named ? names.GetItemOrDefault((int)raw - 1).ToString() : (raw - 1).ToString(CultureInfo.InvariantCulture);
        };
    }

    private sealed class Collector(HashingEstimator.ColumnOptions options)
    {
        private readonly Dictionary<int, List<string>> _texts = [];

        public Action Collect { get; set; }

        public void Add(uint key, string text)
        {
            if (key == 0)
                return;
            if (!_texts.TryGetValue((int)key - 1, out var texts))
                _texts.Add((int)key - 1, texts = []);
            if ((options.MaximumNumberOfInverts < 0 || texts.Count < options.MaximumNumberOfInverts) && !texts.Contains(text))
                texts.Add(text);
        }

        public VBuffer<ReadOnlyMemory<char>> Finish()
        {
            int keys = 1 << options.NumberOfBits;
            var indices = _texts.Keys.Order().ToArray();
            var values = indices.Select(i => Joined(_texts[i]).AsMemory()).ToArray();
            if (indices.Length <= keys / 2)
                return new VBuffer<ReadOnlyMemory<char>>(keys, indices.Length, values, indices);
            var all = new ReadOnlyMemory<char>[keys];
            for (int i = 0; i < indices.Length; i++)
                all[indices[i]] = values[i];
            return new VBuffer<ReadOnlyMemory<char>>(keys, all);
        }

        private static string Joined(List<string> texts) => texts.Count == 1 ? texts[0] : "{" + string.Join(',', texts) + "}";
    }

    public static void Save(ModelSaveContext ctx, int column, VBuffer<ReadOnlyMemory<char>> values) => ctx.SaveSubModel(Folder(column), part =>
    {
        part.SetVersionInfo(Version);
        var codec = (Codec<VBuffer<ReadOnlyMemory<char>>>)Codec.For(new VectorDataViewType(TextDataViewType.Instance));
        codec.WriteDescription(part.Writer);
        using var block = new MemoryStream();
        using var writer = new BinaryWriter(block, Encoding.UTF8);
        codec.Write(writer, [values]);
        writer.Flush();
        part.Writer.Write((int)block.Length);
        part.Writer.Write(block.ToArray());
        part.SaveText("Terms.txt", text =>
        {
            text.WriteLine($"# Number of terms = {values.GetValues().Length} of length {values.Length}");
            foreach (var (key, value) in values.Items())
            {
                if (!value.IsEmpty)
                    text.WriteLine($"{key}\t{value}");
            }
        });
    });

    /// <summary>The texts of a column's keys, or null where the file has none.</summary>
    public static VBuffer<ReadOnlyMemory<char>>? Load(ModelLoadContext ctx, int column, int keys)
    {
        using var part = ctx.OpenSubModelOrNull(Folder(column));
        if (part is null)
            return null;
        part.CheckAtModel(Version);
        Contracts.CheckDecode(Codec.ReadDescription(part.Reader) is Codec<VBuffer<ReadOnlyMemory<char>>>);
        var codec = (Codec<VBuffer<ReadOnlyMemory<char>>>)Codec.For(new VectorDataViewType(TextDataViewType.Instance));
        Contracts.CheckDecode(part.ReadCount(1) == part.Remaining);
        var values = codec.Read(part.Reader, 1)[0];
        Contracts.CheckDecode(part.Remaining == 0 && values.Length == keys);
        return values;
    }
}
