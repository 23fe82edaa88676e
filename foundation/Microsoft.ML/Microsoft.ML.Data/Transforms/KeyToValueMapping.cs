using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("KeyToValueTransform", typeof(KeyToValueMappingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Keys back to the values their column's annotations name.</summary>
public sealed class KeyToValueMappingEstimator : TrivialEstimator<KeyToValueMappingTransformer>
{
    internal KeyToValueMappingEstimator(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(KeyToValueMappingEstimator)), new KeyToValueMappingTransformer(env, columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(Transformer.Pairs.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (!column.IsKey)
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, "KeyType", column.TypeText());
            if (!column.Annotations.TryFindColumn(AnnotationKinds.KeyValues, out var values))
                throw Contracts.ExceptParam(nameof(inputSchema), $"Input column '{pair.inputColumnName}' doesn't contain key values metadata");
            SchemaShape annotations = null;
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations = new SchemaShape([slots]);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, values.ItemType, values.IsKey, annotations);
        }).ToArray());
    }
}

/// <summary>Keys to values.</summary>
public sealed class KeyToValueMappingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version = new("KEY2VALT", 0x00010001, 0x00010001, 0x00010001, "KeyToValueTransform", VersionInfo.DataAssembly);

    internal KeyToValueMappingTransformer(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(KeyToValueMappingTransformer)), columns)
    {
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static KeyToValueMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new KeyToValueMappingTransformer(env, LoadColumns(ctx));
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var values = source.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues)?.Type as VectorDataViewType
            ?? throw Contracts.Except($"Metadata {AnnotationKinds.KeyValues} does not exist");
        var item = source.Type is VectorDataViewType v ? v.ItemType : source.Type;
        if (item is not KeyDataViewType)
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, "KeyType", source.Type.ToString());
        return Getters.Call<ColumnMap>(Getters.Method(typeof(KeyToValueMappingTransformer), nameof(MapOf)), values.ItemType.RawType,
            ColumnPairs[pair].outputColumnName, source, values.ItemType);
    }

    private static ColumnMap MapOf<T>(string name, DataViewSchema.Column source, PrimitiveDataViewType valueType)
    {
        var buffer = default(VBuffer<T>);
        source.Annotations.GetValue(AnnotationKinds.KeyValues, ref buffer);
        // The first place is that of missing keys.
        var table = new[] { MissingOf<T>(valueType) }.Concat(buffer.DenseValues()).ToArray();
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        var vector = source.Type as VectorDataViewType;
        DataViewType type = vector is null ? valueType : new VectorDataViewType(valueType, vector.Dimensions);
        return new ColumnMap(new DataViewSchema.DetachedColumn(name, type, annotations.ToAnnotations()), row => vector is null
            ? Scalar(table, KeyReader.Create(row, source))
            : Getters.Call<Delegate>(Getters.Method(typeof(KeyToValueMappingTransformer), nameof(Vector)), [typeof(T), vector.ItemType.RawType], table, row, source));
    }

    private static T MissingOf<T>(DataViewType type) => typeof(T) == typeof(float) ? (T)(object)float.NaN
        : typeof(T) == typeof(double) ? (T)(object)double.NaN : default;

    private static Delegate Scalar<T>(T[] table, Func<ulong> key) => (ValueGetter<T>)((ref T value) =>
    {
        ulong k = key();
        value = table[k < (ulong)table.Length ? k : 0];
    });

    private static Delegate Vector<T, TKey>(T[] table, DataViewRow row, DataViewSchema.Column source)
    {
        var getter = row.GetGetter<VBuffer<TKey>>(source);
        VBuffer<TKey> keys = default;
        bool missingIsDefault = ValueComparer<T>.Instance.Equals(table[0], default);
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            getter(ref keys);
            bool dense = keys.IsDense || !missingIsDefault;
            var explicitKeys = keys.GetValues();
            var indices = keys.GetIndices();
            var editor = VBufferEditor.Create(ref value, keys.Length, dense ? keys.Length : explicitKeys.Length);
            if (dense)
                editor.Values.Fill(table[0]);
            for (int i = 0; i < explicitKeys.Length; i++)
            {
                ulong k = Convert.ToUInt64(explicitKeys[i], System.Globalization.CultureInfo.InvariantCulture);
                editor.Values[dense && !keys.IsDense ? indices[i] : i] = table[k < (ulong)table.Length ? k : 0];
                if (!dense)
                    editor.Indices[i] = indices[i];
            }
            value = editor.Commit();
        });
    }
}
