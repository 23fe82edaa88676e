using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("ConvertTransform", typeof(TypeConvertingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Columns of another type.</summary>
public sealed class TypeConvertingEstimator : TrivialEstimator<TypeConvertingTransformer>
{
    internal TypeConvertingEstimator(IHostEnvironment env, DataKind outputKind, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(TypeConvertingEstimator)), new TypeConvertingTransformer(env, outputKind, columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        var target = Transformer.Target(0);
        return inputSchema.With(Transformer.Pairs.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (!ValueConversions.Exists(column.ItemType, target))
                throw Contracts.ExceptParam(nameof(inputSchema), $"Don't know how to convert {pair.inputColumnName} into {target}");
            var annotations = new List<SchemaShape.Column>();
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations.Add(slots);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, target, false, new SchemaShape(annotations));
        }).ToArray());
    }
}

/// <summary>Columns of another type.</summary>
public sealed class TypeConvertingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("CONVERTF", 0x00010004, 0x00010003, 0x00010002, "ConvertTransform", VersionInfo.DataAssembly, "ConvertFunction");

    private readonly (DataKind Kind, ulong? KeyCount)[] _targets;

    internal TypeConvertingTransformer(IHostEnvironment env, DataKind kind, params (string outputColumnName, string inputColumnName)[] columns)
        : this(env, columns.Select(_ => (kind, (ulong?)null)).ToArray(), columns)
    {
        Contracts.CheckParam(Enum.IsDefined(kind), "outputKind", "Unknown kind of data");
    }

    private TypeConvertingTransformer(IHostEnvironment env, (DataKind, ulong?)[] targets, (string, string)[] columns)
        : base(env.Register(nameof(TypeConvertingTransformer)), columns)
    {
        _targets = targets;
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    internal PrimitiveDataViewType Target(int pair)
    {
        var type = _targets[pair].Kind.ToType();
        return _targets[pair].KeyCount is ulong count ? new KeyDataViewType(type.RawType, count) : type;
    }

    private static TypeConvertingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var targets = new (DataKind, ulong?)[columns.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            byte b = ctx.Reader.ReadByte();
            var kind = (DataKind)(b & 0x7F);
            Contracts.CheckDecode(Enum.IsDefined(kind));
            ulong? count = null;
            if ((b & 0x80) != 0)
            {
                Contracts.CheckDecode(ctx.VersionWritten >= 0x00010003);
                count = ctx.Reader.ReadUInt64();
                Contracts.CheckDecode(KeyDataViewType.IsValidDataType(kind.ToType().RawType) && count > 0 && count <= KeyDataViewType.MaxCount(kind.ToType().RawType));
            }
            targets[i] = (kind, count);
        }
        return new TypeConvertingTransformer(env, targets, columns);
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var (kind, count) in _targets)
        {
            ctx.Writer.Write((byte)((byte)kind | (count is null ? 0 : 0x80)));
            if (count is ulong c)
                ctx.Writer.Write(c);
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var target = Target(pair);
        var vector = source.Type as VectorDataViewType;
        var item = vector?.ItemType ?? source.Type;
        // Keys stay keys, in another width.
        if (item is KeyDataViewType key && target is NumberDataViewType && KeyDataViewType.IsValidDataType(target.RawType)
            && key.Count <= KeyDataViewType.MaxCount(target.RawType))
        {
            target = new KeyDataViewType(target.RawType, key.Count);
        }
        if (!ValueConversions.Exists(item, target))
        {
            throw Contracts.ExceptParam(nameof(inputSchema),
                $"source column '{source.Name}' with item type '{source.Type}' is not compatible with destination type '{target}'");
        }
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        if (item is BooleanDataViewType && target is NumberDataViewType)
            annotations.AddIsNormalized();
        if (item is KeyDataViewType && target is KeyDataViewType)
            annotations.Add(source.Annotations, kind => kind == AnnotationKinds.KeyValues);
        DataViewType type = vector is null ? target : new VectorDataViewType(target, vector.Dimensions);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type, annotations.ToAnnotations()),
            row => Getters.Call<Delegate>(Getters.Method(typeof(TypeConvertingTransformer), nameof(CreateGetter)), [item.RawType, target.RawType], row, source, item, target));
    }

    private static Delegate CreateGetter<TIn, TOut>(DataViewRow row, DataViewSchema.Column source, DataViewType item, PrimitiveDataViewType target)
    {
        var convert = ValueConversions.Create<TIn, TOut>(item, target);
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<TIn>(source);
            TIn input = default;
            return (ValueGetter<TOut>)((ref TOut value) =>
            {
                getter(ref input);
                value = convert(input);
            });
        }
        var vectors = row.GetGetter<VBuffer<TIn>>(source);
        VBuffer<TIn> vector = default;
        bool keepsDefault = ValueComparer<TOut>.Instance.Equals(convert(default), default);
        return (ValueGetter<VBuffer<TOut>>)((ref VBuffer<TOut> value) =>
        {
            vectors(ref vector);
            if (!vector.IsDense && !keepsDefault)
            {
                var dense = default(VBuffer<TIn>);
                vector.CopyToDense(ref dense);
                vector = dense;
            }
            var values = vector.GetValues();
            var editor = VBufferEditor.Create(ref value, vector.Length, values.Length);
            for (int i = 0; i < values.Length; i++)
                editor.Values[i] = convert(values[i]);
            if (!vector.IsDense)
                vector.GetIndices().CopyTo(editor.Indices);
            value = editor.Commit();
        });
    }
}
