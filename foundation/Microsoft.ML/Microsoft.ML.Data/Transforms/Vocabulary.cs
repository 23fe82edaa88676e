using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Distinct values in the order of their keys.</summary>
internal abstract class Vocabulary(PrimitiveDataViewType itemType)
{
    public PrimitiveDataViewType ItemType { get; } = itemType;

    public abstract int Count { get; }

    /// <summary>Keys of values; there is one key even where there are no values.</summary>
    public KeyDataViewType KeyType => new(typeof(uint), Math.Max(1, Count));

    public static bool CanLearn(DataViewType item) => item is PrimitiveDataViewType and not RowIdDataViewType and not DateTimeOffsetDataViewType
        || item is DateTimeOffsetDataViewType or RowIdDataViewType;

    public static Vocabulary[] Learn(IDataView view, DataViewSchema.Column[] columns, int maximum, ValueToKeyMappingEstimator.KeyOrdinality order)
    {
        using var cursor = view.GetRowCursor(columns);
        var trainers = columns.Select(column =>
        {
            var item = column.Type is VectorDataViewType v ? v.ItemType
                : column.Type as PrimitiveDataViewType ?? throw Contracts.ExceptNotSupp($"Values of type '{column.Type}' cannot have keys");
            return Getters.Call<ITrainer>(Getters.Method(typeof(Vocabulary), nameof(TrainerFor)), item.RawType, cursor, column, item, maximum);
        }).ToArray();
        while (cursor.MoveNext())
        {
            foreach (var trainer in trainers)
                trainer.Read();
        }
        return trainers.Select(t => t.Finish(order)).ToArray();
    }

    private static ITrainer TrainerFor<T>(DataViewRow row, DataViewSchema.Column column, PrimitiveDataViewType item, int maximum) =>
        new Trainer<T>(row, column, item, maximum);

    public static Vocabulary Create<T>(PrimitiveDataViewType item, T[] values) => new Values<T>(item, values);

    /// <summary>A getter of keys over a getter of values.</summary>
    public abstract Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source);

    public abstract void AddKeyValues(DataViewSchema.Annotations.Builder builder, bool asText, DataViewSchema.Column source);

    public abstract void Save(ModelSaveContext ctx);

    public abstract void WriteText(TextWriter writer);

    private interface ITrainer
    {
        void Read();

        Vocabulary Finish(ValueToKeyMappingEstimator.KeyOrdinality order);
    }

    private static bool IsMissing<T>(PrimitiveDataViewType item, T value) => value switch
    {
        ReadOnlyMemory<char> text => text.IsEmpty,
        float f => float.IsNaN(f),
        double d => double.IsNaN(d),
        _ => item is KeyDataViewType && EqualityComparer<T>.Default.Equals(value, default),
    };

    private sealed class Trainer<T> : ITrainer
    {
        private readonly PrimitiveDataViewType _item;
        private readonly int _maximum;
        private readonly Action _read;
        private readonly HashSet<T> _seen = new(ValueComparer<T>.Instance);
        private readonly List<T> _values = [];

        public Trainer(DataViewRow row, DataViewSchema.Column column, PrimitiveDataViewType item, int maximum)
        {
            _item = item;
            _maximum = maximum;
            if (column.Type is VectorDataViewType)
            {
                var vectors = row.GetGetter<VBuffer<T>>(column);
                VBuffer<T> vector = default;
                _read = () =>
                {
                    vectors(ref vector);
                    foreach (var value in vector.DenseValues())
                        Add(value);
                };
            }
            else
            {
                var getter = row.GetGetter<T>(column);
                T value = default;
                _read = () =>
                {
                    getter(ref value);
                    Add(value);
                };
            }
        }

        public void Read()
        {
            if (_values.Count < _maximum)
                _read();
        }

        private void Add(T value)
        {
            if (_values.Count >= _maximum || IsMissing(_item, value) || !_seen.Add(value))
                return;
            // Text may lie in a line that would be kept alive as a whole.
            _values.Add(value is ReadOnlyMemory<char> text ? (T)(object)text.ToString().AsMemory() : value);
        }

        public Vocabulary Finish(ValueToKeyMappingEstimator.KeyOrdinality order)
        {
            var values = _values.ToArray();
            if (order == ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
                Array.Sort(values, ValueComparer<T>.Instance);
            return new Values<T>(_item, values);
        }
    }

    private sealed class Values<T> : Vocabulary
    {
        private readonly T[] _values;
        private readonly Dictionary<T, uint> _keys;

        public Values(PrimitiveDataViewType item, T[] values) : base(item)
        {
            _values = values;
            _keys = new Dictionary<T, uint>(values.Length, ValueComparer<T>.Instance);
            for (int i = 0; i < values.Length; i++)
                Contracts.CheckDecode(_keys.TryAdd(values[i], (uint)i + 1), "The vocabulary holds a value twice");
        }

        public override int Count => _values.Length;

        private uint KeyOf(T value) => _keys.GetValueOrDefault(value);

        public override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source)
        {
            if (source.Type is not VectorDataViewType)
            {
                var getter = row.GetGetter<T>(source);
                T value = default;
                return (ValueGetter<uint>)((ref uint key) =>
                {
                    getter(ref value);
                    key = KeyOf(value);
                });
            }
            var vectors = row.GetGetter<VBuffer<T>>(source);
            VBuffer<T> vector = default;
            uint defaultKey = ItemType is TextDataViewType or KeyDataViewType ? 0 : KeyOf(default);
            return (ValueGetter<VBuffer<uint>>)((ref VBuffer<uint> keys) =>
            {
                vectors(ref vector);
                var values = vector.GetValues();
                bool dense = vector.IsDense || defaultKey != 0;
                var editor = VBufferEditor.Create(ref keys, vector.Length, dense ? vector.Length : values.Length);
                if (dense)
                    editor.Values.Fill(defaultKey);
                var indices = vector.GetIndices();
                for (int i = 0; i < values.Length; i++)
                {
                    editor.Values[dense && !vector.IsDense ? indices[i] : i] = KeyOf(values[i]);
                    if (!dense)
                        editor.Indices[i] = indices[i];
                }
                keys = editor.Commit();
            });
        }

        public override void AddKeyValues(DataViewSchema.Annotations.Builder builder, bool asText, DataViewSchema.Column source)
        {
            if (_values.Length == 0)
                return;
            if (ItemType is KeyDataViewType)
            {
                // Keys of keys: the values behind the first keys, where they are known.
                if (source.HasKeyValues())
                    builder.AddNames(AnnotationKinds.KeyValues, NamesBehind(source));
                else if (asText)
                    builder.AddNames(AnnotationKinds.KeyValues, _values.Select(v => (Convert.ToUInt64(v, CultureInfo.InvariantCulture) - 1).ToString(CultureInfo.InvariantCulture)).ToArray());
                else
                    builder.Add(AnnotationKinds.KeyValues, new VectorDataViewType(ItemType, _values.Length), (ref VBuffer<T> value) => VBuffer<T>.Copy(_values, 0, ref value, _values.Length));
                return;
            }
            if (asText && ItemType is not TextDataViewType)
                builder.AddNames(AnnotationKinds.KeyValues, _values.Select(v => ValueText.Of(v)).ToArray());
            else
                builder.Add(AnnotationKinds.KeyValues, new VectorDataViewType(ItemType, _values.Length), (ref VBuffer<T> value) => VBuffer<T>.Copy(_values, 0, ref value, _values.Length));
        }

        private string[] NamesBehind(DataViewSchema.Column source)
        {
            var names = default(VBuffer<ReadOnlyMemory<char>>);
            source.GetKeyValues(ref names);
            var all = names.DenseValues().ToArray();
            return _values.Select(v => all[(int)Convert.ToUInt64(v, CultureInfo.InvariantCulture) - 1].ToString()).ToArray();
        }

        public override void Save(ModelSaveContext ctx)
        {
            if (_values is ReadOnlyMemory<char>[] texts)
            {
                ctx.Writer.Write((byte)0);
                ctx.Writer.Write(texts.Length);
                foreach (var text in texts)
                    ctx.SaveNonEmptyString(text.ToString());
                return;
            }
            ctx.Writer.Write((byte)1);
            var codec = (Codec<T>)Codec.For(ItemType);
            codec.WriteDescription(ctx.Writer);
            ctx.Writer.Write(_values.Length);
            codec.Write(ctx.Writer, _values);
        }

        public override void WriteText(TextWriter writer)
        {
            writer.WriteLine(ItemType is TextDataViewType ? $"# Number of terms = {_values.Length}" : $"# Number of terms of type '{ItemType}' = {_values.Length}");
            for (int i = 0; i < _values.Length; i++)
            {
                string text = _values[i] is double d ? d.ToString("G17", CultureInfo.InvariantCulture) : ValueText.Of(_values[i]);
                writer.WriteLine($"{i}\t{text}");
            }
        }
    }
}
