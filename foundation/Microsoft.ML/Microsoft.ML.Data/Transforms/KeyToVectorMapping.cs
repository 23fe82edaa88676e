using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("KeyToVectorTransform", typeof(KeyToVectorMappingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Keys as indicator vectors.</summary>
public sealed class KeyToVectorMappingEstimator : TrivialEstimator<KeyToVectorMappingTransformer>
{
    internal KeyToVectorMappingEstimator(IHostEnvironment env, bool outputCountVector, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(KeyToVectorMappingEstimator)),
            new KeyToVectorMappingTransformer(env, columns.Select(_ => outputCountVector).ToArray(), columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(Transformer.Pairs.Select((pair, i) =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (!column.IsKey)
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, "KeyType", column.TypeText());
            bool bag = Transformer.Bags[i], vector = column.Kind != SchemaShape.Column.VectorKind.Scalar;
            var annotations = new List<SchemaShape.Column>();
            if (column.Annotations.TryFindColumn(AnnotationKinds.KeyValues, out var names) && names.ItemType is TextDataViewType
                && column.Kind != SchemaShape.Column.VectorKind.VariableVector)
            {
                annotations.Add(AnnotationKinds.SlotNamesShape);
            }
            if (!bag && column.Kind != SchemaShape.Column.VectorKind.VariableVector)
            {
                annotations.Add(new SchemaShape.Column(KeyToVectorMappingTransformer.CategoricalSlotRanges,
                    SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Int32, false));
            }
            if (!bag || !vector)
                annotations.Add(AnnotationKinds.IsNormalizedShape);
            var kind = column.Kind == SchemaShape.Column.VectorKind.VariableVector && !bag
                ? SchemaShape.Column.VectorKind.VariableVector : SchemaShape.Column.VectorKind.Vector;
            return new SchemaShape.Column(pair.outputColumnName, kind, NumberDataViewType.Single, false, new SchemaShape(annotations));
        }).ToArray());
    }
}

/// <summary>Keys as indicator vectors: one for each key, or one that counts all keys of a vector.</summary>
public sealed class KeyToVectorMappingTransformer : OneToOneTransformerBase
{
    internal const string CategoricalSlotRanges = "CategoricalSlotRanges";

    private static readonly VersionInfo Version =
        new("KEY2VECT", 0x00010002, 0x00010001, 0x00010002, "KeyToVectorTransform", VersionInfo.DataAssembly);

    internal KeyToVectorMappingTransformer(IHostEnvironment env, bool[] bags, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(KeyToVectorMappingTransformer)), columns)
    {
        Bags = bags;
    }

    internal bool[] Bags { get; }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static KeyToVectorMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        return new KeyToVectorMappingTransformer(env, columns.Select(_ => ctx.ReadBoolByte()).ToArray(), columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (bool bag in Bags)
            ctx.Writer.Write(bag);
    }

    private protected override void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        if ((source.Type is VectorDataViewType v ? v.ItemType : source.Type) is not KeyDataViewType)
        {
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, "key type of known cardinality", source.Type.ToString());
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var vector = source.Type as VectorDataViewType;
        var key = (KeyDataViewType)(vector?.ItemType ?? source.Type);
        Contracts.CheckParam(key.Count <= int.MaxValue, nameof(inputSchema), $"Column '{source.Name}' has too many keys for a vector: {key.Count}");
        int size = (int)key.Count;
        bool bag = Bags[pair] || vector is null;
        var type = bag ? new VectorDataViewType(NumberDataViewType.Single, size)
            : vector.IsKnownSize ? new VectorDataViewType(NumberDataViewType.Single, vector.Dimensions.Add(size))
            : new VectorDataViewType(NumberDataViewType.Single);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type, AnnotationsOf(source, vector, size, Bags[pair])),
            row => Getters.Call<Delegate>(Getters.Method(typeof(KeyToVectorMappingTransformer), nameof(CreateGetter)), key.RawType, row, source, size, bag));
    }

    private static DataViewSchema.Annotations AnnotationsOf(DataViewSchema.Column source, VectorDataViewType vector, int size, bool bag)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        int slots = vector is null || bag ? 1 : vector.Size;
        if (slots > 0 && source.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues)?.Type is VectorDataViewType { ItemType: TextDataViewType } names
            && names.Size == size)
        {
            if (vector is null || bag)
            {
                builder.Add<VBuffer<ReadOnlyMemory<char>>>(AnnotationKinds.SlotNames, AnnotationKinds.NamesType(size),
                    source.Annotations.GetGetter<VBuffer<ReadOnlyMemory<char>>>(source.Annotations.Schema[AnnotationKinds.KeyValues]));
            }
            else
            {
                AddSlotNames(builder, source, vector, size);
            }
        }
        if (!bag && slots > 0)
        {
            var ranges = new int[2 * slots];
            for (int i = 0; i < slots; i++)
                (ranges[2 * i], ranges[2 * i + 1]) = (i * size, (i + 1) * size - 1);
            builder.Add(CategoricalSlotRanges, new VectorDataViewType(NumberDataViewType.Int32, slots, 2),
                (ref VBuffer<int> value) => VBuffer<int>.Copy(ranges, 0, ref value, ranges.Length));
        }
        if (!bag || vector is null)
            builder.AddIsNormalized();
        return builder.ToAnnotations();
    }

    private static void AddSlotNames(DataViewSchema.Annotations.Builder builder, DataViewSchema.Column source, VectorDataViewType vector, int size)
    {
        builder.Add(AnnotationKinds.SlotNames, new VectorDataViewType(TextDataViewType.Instance, vector.Dimensions.Add(size)), (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var keys = default(VBuffer<ReadOnlyMemory<char>>);
            source.Annotations.GetValue(AnnotationKinds.KeyValues, ref keys);
            var slots = AnnotationKinds.SlotNamesOrNull(source);
            var names = new List<ReadOnlyMemory<char>>();
            for (int i = 0; i < vector.Size; i++)
            {
                string slot = slots is null || slots[i].Length == 0 ? $"[{i}]" : slots[i];
                names.AddRange(keys.DenseValues().Select(k => $"{slot}.{k}".AsMemory()));
            }
            VBuffer<ReadOnlyMemory<char>>.Copy(names.ToArray(), 0, ref value, names.Count);
        });
    }

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, int size, bool bag)
    {
        if (source.Type is not VectorDataViewType)
        {
            var key = KeyReader.Create(row, source);
            return (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
            {
                ulong k = key();
                bool known = k > 0 && k <= (ulong)size;
                var editor = VBufferEditor.Create(ref value, size, known ? 1 : 0);
                if (known)
                {
                    editor.Values[0] = 1;
                    if (size > 1)
                        editor.Indices[0] = (int)k - 1;
                }
                value = editor.Commit();
            });
        }
        var getter = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> keys = default;
        return (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
        {
            getter(ref keys);
            int length = bag ? size : checked(keys.Length * size);
            var slots = new SortedDictionary<int, float>();
            foreach (var (slot, raw) in keys.Items())
            {
                ulong k = Convert.ToUInt64(raw, CultureInfo.InvariantCulture);
                if (k == 0 || k > (ulong)size)
                    continue;
                int at = (bag ? 0 : slot * size) + (int)k - 1;
                slots[at] = slots.GetValueOrDefault(at) + 1;
            }
            var editor = VBufferEditor.Create(ref value, length, slots.Count);
            int i = 0;
            foreach (var (at, count) in slots)
            {
                editor.Values[i] = count;
                if (slots.Count < length)
                    editor.Indices[i] = at;
                i++;
            }
            value = editor.Commit();
        });
    }
}
