using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("NaIndicatorTransform", typeof(MissingValueIndicatorTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Says which values are missing.</summary>
public sealed class MissingValueIndicatorEstimator : TrivialEstimator<MissingValueIndicatorTransformer>
{
    internal MissingValueIndicatorEstimator(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(MissingValueIndicatorEstimator)), new MissingValueIndicatorTransformer(env, columns))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(Transformer.Pairs.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            var annotations = new List<SchemaShape.Column>();
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations.Add(slots);
            annotations.Add(AnnotationKinds.IsNormalizedShape);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, BooleanDataViewType.Instance, false, new SchemaShape(annotations));
        }).ToArray());
    }
}

/// <summary>Which values are missing.</summary>
public sealed class MissingValueIndicatorTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version =
        new("NAIND TF", 0x00010001, 0x00010001, 0x00010001, "NaIndicatorTransform", VersionInfo.TransformsAssembly);

    internal MissingValueIndicatorTransformer(IHostEnvironment env, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(MissingValueIndicatorTransformer)), columns)
    {
    }

    internal (string outputColumnName, string inputColumnName)[] Pairs => ColumnPairs;

    private static MissingValueIndicatorTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return new MissingValueIndicatorTransformer(env, LoadColumns(ctx));
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var vector = source.Type as VectorDataViewType;
        var item = vector?.ItemType ?? source.Type;
        if (!MissingValues.Has(item))
        {
            throw Contracts.ExceptParam(nameof(inputSchema),
                $"Type '{item}' is not supported since it doesn't have an NA value");
        }
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        annotations.AddIsNormalized();
        DataViewType type = vector is null ? BooleanDataViewType.Instance : new VectorDataViewType(BooleanDataViewType.Instance, vector.Dimensions);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, type, annotations.ToAnnotations()),
            row => Getters.Call<Delegate>(Getters.Method(typeof(MissingValueIndicatorTransformer), nameof(CreateGetter)), item.RawType, row, source, item));
    }

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, DataViewType item)
    {
        var test = MissingValues.IsMissing<T>(item);
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<T>(source);
            T value = default;
            return (ValueGetter<bool>)((ref bool missing) =>
            {
                getter(ref value);
                missing = test(value);
            });
        }
        var vectors = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> vector = default;
        return (ValueGetter<VBuffer<bool>>)((ref VBuffer<bool> missing) =>
        {
            vectors(ref vector);
            var editor = VBufferEditor.Create(ref missing, vector.Length);
            int i = 0;
            foreach (var value in vector.DenseValues())
                editor.Values[i++] = test(value);
            missing = editor.Commit();
        });
    }
}
