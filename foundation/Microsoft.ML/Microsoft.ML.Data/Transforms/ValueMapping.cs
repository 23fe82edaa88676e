using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("ValueMappingTransformer", typeof(ValueMappingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Values looked up in a table.</summary>
public class ValueMappingEstimator : TrivialEstimator<ValueMappingTransformer>
{
    internal ValueMappingEstimator(IHostEnvironment env, ArrayView table, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ValueMappingEstimator)), new ValueMappingTransformer(env, table, columns))
    {
    }

    public sealed override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        var value = Transformer.ValueColumn;
        SchemaShape.Describe(value.Type, out var kind, out var item, out bool isKey);
        return inputSchema.With(Transformer.Pairs.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (column.Kind != SchemaShape.Column.VectorKind.Scalar && value.Type is VectorDataViewType)
                throw ValueMappingTransformer.BothVectors(pair.inputColumnName);
            SchemaShape annotations = null;
            if (isKey && value.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is { } names)
            {
                SchemaShape.Describe(names.Type, out var namesKind, out var namesItem, out bool namesKey);
                annotations = new SchemaShape([new SchemaShape.Column(AnnotationKinds.KeyValues, namesKind, namesItem, namesKey)]);
            }
            return new SchemaShape.Column(pair.outputColumnName, value.Type is VectorDataViewType ? kind : column.Kind, item, isKey, annotations);
        }).ToArray());
    }
}

/// <summary>Values looked up in a table of these types.</summary>
public sealed class ValueMappingEstimator<TKey, TValue> : ValueMappingEstimator
{
    internal ValueMappingEstimator(IHostEnvironment env, ArrayView table, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env, table, columns)
    {
    }
}

/// <summary>Values looked up in a table; what is not in it gives the default.</summary>
public class ValueMappingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("VALUMAPG", 0x00010001, 0x00010001, 0x00010001, "ValueMappingTransformer", VersionInfo.DataAssembly);

    private const string TableName = "DefaultMap.idv";

    private readonly ArrayView _table;
    private readonly Lookup _lookup;

    internal ValueMappingTransformer(IHostEnvironment env, ArrayView table, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(ValueMappingTransformer)), columns)
    {
        _table = table;
        KeyColumn = table.Schema[ValueTable.Key];
        ValueColumn = table.Schema[ValueTable.Value];
        Contracts.CheckParam(KeyColumn.Type is PrimitiveDataViewType, "keyColumn", "The keys of a map must be of a primitive type");
        _lookup = Getters.Call<Lookup>(Getters.Method(typeof(ValueMappingTransformer), nameof(MakeLookup)),
            [KeyColumn.Type.RawType, ValueColumn.Type.RawType], table, KeyColumn, ValueColumn);
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    internal DataViewSchema.Column KeyColumn { get; }

    internal DataViewSchema.Column ValueColumn { get; }

    internal static Exception BothVectors(string column) => Contracts.ExceptNotSupp(
        $"Column '{column}' cannot be mapped to values when the column and the map values are both vector type.");

    private static ValueMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var table = DataViewFile.Read(ctx.ReadStreamOrNull(TableName) ?? throw Contracts.ExceptDecode());
        Contracts.CheckDecode(table.Schema.GetColumnOrNull(ValueTable.Key)?.Type is PrimitiveDataViewType
            && table.Schema.GetColumnOrNull(ValueTable.Value) is not null);
        return new ValueMappingTransformer(env, table, columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        ctx.SaveStream(TableName, stream => DataViewFile.Write(_table, stream));
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var vector = source.Type as VectorDataViewType;
        if (vector is not null && ValueColumn.Type is VectorDataViewType)
            throw BothVectors(source.Name);
        var type = vector is null ? ValueColumn.Type : new VectorDataViewType((PrimitiveDataViewType)ValueColumn.Type, vector.Dimensions);
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(ValueColumn.Annotations, kind => kind == AnnotationKinds.KeyValues);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type, annotations.ToAnnotations()),
            row => _lookup.CreateGetter(row, source));
    }

    private static Lookup MakeLookup<TKey, TValue>(ArrayView table, DataViewSchema.Column key, DataViewSchema.Column value) =>
        new Lookup<TKey, TValue>(table, key, value);

    private abstract class Lookup
    {
        public abstract Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source);
    }

    private delegate void Copy<T>(in T value, ref T destination);

    private sealed class Lookup<TKey, TValue> : Lookup
    {
        private readonly Dictionary<TKey, TValue> _values;
        private readonly Copy<TValue> _copy;
        private readonly TValue _missing;

        public Lookup(ArrayView table, DataViewSchema.Column key, DataViewSchema.Column value)
        {
            var keys = table.Column<TKey>(key.Index);
            var values = table.Column<TValue>(value.Index);
            _values = new Dictionary<TKey, TValue>(keys.Length, ValueComparer<TKey>.Instance);
            for (int i = 0; i < keys.Length; i++)
            {
                if (!_values.TryAdd(keys[i], values[i]))
                    throw Contracts.Except($"Duplicate keys in data '{ValueText.Of(keys[i])}'");
            }
            _copy = value.Type is VectorDataViewType vector
                ? (Copy<TValue>)Getters.Call<Delegate>(Getters.Method(typeof(ValueMappingTransformer), nameof(VectorCopy)), vector.ItemType.RawType)
                : (in TValue v, ref TValue destination) => destination = v;
            // What text of no characters converts to is what a missing entry gives.
            _missing = default;
        }

        public override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column source)
        {
            if (source.Type is VectorDataViewType)
                return Vectors(row, source);
            var getter = row.GetGetter<TKey>(source);
            TKey key = default;
            return (ValueGetter<TValue>)((ref TValue value) =>
            {
                getter(ref key);
                if (_values.TryGetValue(key, out var found))
                    _copy(found, ref value);
                else
                    _copy(_missing, ref value);
            });
        }

        private ValueGetter<VBuffer<TValue>> Vectors(DataViewRow row, DataViewSchema.Column source)
        {
            var getter = row.GetGetter<VBuffer<TKey>>(source);
            VBuffer<TKey> keys = default;
            return (ref VBuffer<TValue> value) =>
            {
                getter(ref keys);
                var dense = new TValue[keys.Length];
                int i = 0;
                foreach (var key in keys.DenseValues())
                    dense[i++] = _values.TryGetValue(key, out var found) ? found : _missing;
                // The real library writes into a destination it has not sized; the same error, said as it says it.
                if (dense.Length > value.GetValues().Length)
                    throw new ArgumentException("Destination is too short.", "destination");
                value = new VBuffer<TValue>(dense.Length, dense);
            };
        }
    }

    private static Copy<VBuffer<T>> VectorCopy<T>() => (in VBuffer<T> value, ref VBuffer<T> destination) => value.CopyTo(ref destination);
}
