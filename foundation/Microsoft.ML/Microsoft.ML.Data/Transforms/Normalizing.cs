using System.Collections.Immutable;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("Normalizer", typeof(NormalizingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Numbers shifted and scaled by what their column holds.</summary>
public sealed class NormalizingEstimator : IEstimator<NormalizingTransformer>
{
    private readonly IHost _host;
    private readonly (string outputColumnName, string inputColumnName)[] _columns;
    private readonly Func<long, bool, IAffineLearner> _learner;
    private readonly long _maximumExampleCount;
    private readonly bool _fixZero;

    private NormalizingEstimator(IHostEnvironment env, (string, string)[] columns, Func<long, bool, IAffineLearner> learner, long maximumExampleCount, bool fixZero)
    {
        _host = env.Register(nameof(NormalizingEstimator));
        Contracts.CheckParam(columns.Length > 0, nameof(columns), "columns cannot be null or empty");
        Contracts.CheckParam(maximumExampleCount > 1, nameof(maximumExampleCount), "Must be greater than 1");
        _columns = columns;
        _learner = learner;
        _maximumExampleCount = maximumExampleCount;
        _fixZero = fixZero;
    }

    internal static NormalizingEstimator MinMax(IHostEnvironment env, (string, string)[] columns, bool fixZero, long maximumExampleCount = 1000000000) =>
        new(env, columns, (slots, fix) => new MinMaxLearner(slots, fix), maximumExampleCount, fixZero);

    internal static NormalizingEstimator MeanVariance(IHostEnvironment env, (string, string)[] columns, bool fixZero, bool useCdf, long maximumExampleCount)
    {
        if (useCdf)
            throw Contracts.ExceptNotSupp("NormalizeMeanVariance: useCdf is not supported by the bundled foundation");
        return new(env, columns, (slots, fix) => new MeanVarianceLearner(slots, fix), maximumExampleCount, fixZero);
    }

    public NormalizingTransformer Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        var sources = _columns.Select(c => input.Schema.GetColumnOrNull(c.inputColumnName)
            ?? throw Contracts.ExceptSchemaMismatch("inputSchema", "input", c.inputColumnName)).ToArray();
        foreach (var source in sources)
            NormalizingTransformer.CheckType(source.Type);
        using var cursor = input.GetRowCursor(sources);
        var learners = sources.Select(s => (Learner: _learner(s.Type is VectorDataViewType v ? v.Size : 1, _fixZero), Values: NumberReader.Create(cursor, s))).ToArray();
        for (long row = 0; row < _maximumExampleCount && cursor.MoveNext(); row++)
        {
            foreach (var (learner, values) in learners)
                learner.Add(values());
        }
        var models = learners.Zip(sources).Select(p => p.First.Learner.Finish(NormalizingTransformer.IsSingle(p.Second.Type), p.Second.Type)).ToArray();
        return new NormalizingTransformer(_host, models, _columns);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(_columns.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            if (column.Kind == SchemaShape.Column.VectorKind.VariableVector)
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, "fixed-size vector or scalar", column.TypeText());
            if (!column.ItemType.Equals(NumberDataViewType.Single) && !column.ItemType.Equals(NumberDataViewType.Double))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName, "vector or scalar of Single or Double", column.TypeText());
            var annotations = new List<SchemaShape.Column> { AnnotationKinds.IsNormalizedShape };
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations.Add(slots);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, column.ItemType, column.IsKey, new SchemaShape(annotations));
        }).ToArray());
    }
}

/// <summary>Numbers shifted and scaled.</summary>
public sealed class NormalizingTransformer : OneToOneTransformerBase
{
    private static readonly VersionInfo Version = new("NORMALZR", 0x00010002, 0x00010001, 0x00010001, "Normalizer", VersionInfo.DataAssembly);

    private readonly AffineModel[] _models;

    internal NormalizingTransformer(IHostEnvironment env, AffineModel[] models, params (string outputColumnName, string inputColumnName)[] columns)
        : base(env.Register(nameof(NormalizingTransformer)), columns)
    {
        _models = models;
    }

    /// <summary>What was learnt of a column.</summary>
    public abstract class NormalizerModelParametersBase
    {
        private protected NormalizerModelParametersBase()
        {
        }
    }

    /// <summary>A shift and a scale.</summary>
    public sealed class AffineNormalizerModelParameters<TData> : NormalizerModelParametersBase
    {
        internal AffineNormalizerModelParameters(TData scale, TData offset)
        {
            Scale = scale;
            Offset = offset;
        }

        public TData Scale { get; }

        public TData Offset { get; }
    }

    public NormalizerModelParametersBase GetNormalizerModelParameters(int index)
    {
        var model = _models[index];
        bool vector = model.Type is VectorDataViewType;
        if (IsSingle(model.Type))
        {
            var scale = model.Scale.Select(v => (float)v).ToImmutableArray();
            var offset = model.Offset.Select(v => (float)v).ToImmutableArray();
            return vector ? new AffineNormalizerModelParameters<ImmutableArray<float>>(scale, offset) : new AffineNormalizerModelParameters<float>(scale[0], offset[0]);
        }
        return vector
            ? new AffineNormalizerModelParameters<ImmutableArray<double>>([.. model.Scale], [.. model.Offset])
            : new AffineNormalizerModelParameters<double>(model.Scale[0], model.Offset[0]);
    }

    internal static bool IsSingle(DataViewType type) => (type is VectorDataViewType v ? v.ItemType : type).RawType == typeof(float);

    internal static void CheckType(DataViewType type)
    {
        var item = type is VectorDataViewType { IsKnownSize: true } v ? v.ItemType : type;
        if (!item.Equals(NumberDataViewType.Single) && !item.Equals(NumberDataViewType.Double))
        {
            throw Contracts.ExceptParam("srcType",
                $"Wrong column type for input column. Expected: Single, Double, Vector of Single or Vector of Double. Got: {type}.");
        }
    }

    private static NormalizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx);
        var types = new DataViewType[columns.Length];
        for (int i = 0; i < types.Length; i++)
        {
            bool vector = ctx.ReadBoolByte();
            var kind = (DataKind)ctx.Reader.ReadByte();
            Contracts.CheckDecode(kind is DataKind.Single or DataKind.Double);
            types[i] = kind.ToType();
            if (vector)
                types[i] = new VectorDataViewType(kind.ToType(), ReadDimensions(ctx));
        }
        var models = types.Select((type, i) =>
        {
            using var part = ctx.OpenSubModel($"Normalizer_{i:000}");
            return AffineModel.Load(part, type);
        }).ToArray();
        return new NormalizingTransformer(env, models, columns);
    }

    private static int[] ReadDimensions(ModelLoadContext ctx)
    {
        var dimensions = new int[ctx.ReadCount(4)];
        long size = 1;
        for (int i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = ctx.Reader.ReadInt32();
            Contracts.CheckDecode(dimensions[i] > 0 && (size *= dimensions[i]) <= int.MaxValue);
        }
        Contracts.CheckDecode(dimensions.Length > 0);
        return dimensions;
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        for (int i = 0; i < _models.Length; i++)
        {
            var vector = _models[i].Type as VectorDataViewType;
            ctx.Writer.Write(vector is not null);
            ctx.Writer.Write((byte)DataKinds.FromRawType((vector?.ItemType ?? _models[i].Type).RawType).Value);
            if (vector is not null)
            {
                ctx.Writer.Write(vector.Dimensions.Length);
                foreach (int d in vector.Dimensions)
                    ctx.Writer.Write(d);
            }
        }
        for (int i = 0; i < _models.Length; i++)
            ctx.SaveSubModel($"Normalizer_{i:000}", _models[i].Save);
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var model = _models[pair];
        if (!source.Type.Equals(model.Type) && !(source.Type is VectorDataViewType && model.Type is VectorDataViewType))
            throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", source.Name, model.Type.ToString(), source.Type.ToString());
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddIsNormalized();
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        return new ColumnMap(new DataViewSchema.DetachedColumn(ColumnPairs[pair].outputColumnName, source.Type, annotations.ToAnnotations()),
            row => IsSingle(source.Type) ? Singles(row, source, model) : Doubles(row, source, model));
    }

    private static Delegate Singles(DataViewRow row, DataViewSchema.Column source, AffineModel model)
    {
        var scale = model.Scale.Select(v => (float)v).ToArray();
        var offset = model.Offset.Select(v => (float)v).ToArray();
        return CreateGetter<float>(row, source, (x, i) => (x - offset[i]) * scale[i], scale.Length);
    }

    private static Delegate Doubles(DataViewRow row, DataViewSchema.Column source, AffineModel model) =>
        CreateGetter<double>(row, source, (x, i) => (x - model.Offset[i]) * model.Scale[i], model.Scale.Length);

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, Func<T, int, T> map, int slots)
    {
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<T>(source);
            T x = default;
            return (ValueGetter<T>)((ref T value) =>
            {
                getter(ref x);
                value = map(x, 0);
            });
        }
        var vectors = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> vector = default;
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            vectors(ref vector);
            Contracts.Check(vector.Length == slots);
            vector.CopyToDense(ref value);
            var editor = VBufferEditor.CreateFromBuffer(ref value);
            for (int i = 0; i < editor.Values.Length; i++)
                editor.Values[i] = map(editor.Values[i], i);
            value = editor.Commit();
        });
    }
}
