using System.Collections.Immutable;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

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

/// <summary>Learns an offset and a scale for every slot.</summary>
internal interface IAffineLearner
{
    void Add(ReadOnlySpan<double> values);

    AffineModel Finish(bool single, DataViewType type);
}

/// <summary>(x − offset) · scale for every slot.</summary>
internal sealed record AffineModel(DataViewType Type, double[] Scale, double[] Offset);

/// <summary>From the smallest and the largest value.</summary>
internal sealed class MinMaxLearner(long slots, bool fixZero) : IAffineLearner
{
    private readonly double[] _min = Enumerable.Repeat(double.PositiveInfinity, (int)slots).ToArray();
    private readonly double[] _max = Enumerable.Repeat(double.NegativeInfinity, (int)slots).ToArray();

    public void Add(ReadOnlySpan<double> values)
    {
        Contracts.Check(values.Length == _min.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]))
                continue;
            _min[i] = Math.Min(_min[i], values[i]);
            _max[i] = Math.Max(_max[i], values[i]);
        }
    }

    public AffineModel Finish(bool single, DataViewType type)
    {
        var scale = new double[_min.Length];
        var offset = new double[_min.Length];
        for (int i = 0; i < scale.Length; i++)
        {
            if (!(_min[i] <= _max[i]))
                continue;
            double range = fixZero ? Math.Max(Math.Abs(_min[i]), Math.Abs(_max[i])) : Subtract(_max[i], _min[i], single);
            scale[i] = range > 0 ? Invert(range, single) : 0;
            offset[i] = fixZero ? 0 : _min[i];
        }
        return new AffineModel(type, scale, offset);
    }

    private static double Subtract(double a, double b, bool single) => single ? (float)a - (float)b : a - b;

    private static double Invert(double x, bool single) => single ? 1f / (float)x : 1 / x;
}

/// <summary>From mean and variance.</summary>
internal sealed class MeanVarianceLearner(long slots, bool fixZero) : IAffineLearner
{
    private readonly double[] _mean = new double[slots];
    private readonly double[] _squares = new double[slots];
    private readonly long[] _count = new long[slots];

    public void Add(ReadOnlySpan<double> values)
    {
        Contracts.Check(values.Length == _mean.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]) || double.IsInfinity(values[i]))
                continue;
            // Updated row by row: exact enough for long columns far from zero.
            _count[i]++;
            double delta = values[i] - _mean[i];
            _mean[i] += delta / _count[i];
            _squares[i] += delta * (values[i] - _mean[i]);
        }
    }

    public AffineModel Finish(bool single, DataViewType type)
    {
        var scale = new double[_mean.Length];
        var offset = new double[_mean.Length];
        for (int i = 0; i < scale.Length; i++)
        {
            if (_count[i] == 0)
                continue;
            double variance = _squares[i] / _count[i];
            double spread = Math.Sqrt(fixZero ? variance + _mean[i] * _mean[i] : variance);
            scale[i] = spread > 0 ? (single ? (float)(1 / spread) : 1 / spread) : 0;
            offset[i] = fixZero ? 0 : single ? (float)_mean[i] : _mean[i];
        }
        return new AffineModel(type, scale, offset);
    }
}

/// <summary>Numbers shifted and scaled.</summary>
public sealed class NormalizingTransformer : OneToOneTransformerBase
{
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

    private protected override void SaveModel(ModelSaveContext ctx) =>
        throw Contracts.ExceptNotSupp("The bundled foundation does not write normalizers to model files");

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

/// <summary>Reads a number or a vector of numbers as doubles.</summary>
internal static class NumberReader
{
    public delegate ReadOnlySpan<double> Read();

    public static Read Create(DataViewRow row, DataViewSchema.Column column)
    {
        bool single = NormalizingTransformer.IsSingle(column.Type);
        if (column.Type is VectorDataViewType)
            return single ? Vector<float>(row, column, v => v) : Vector<double>(row, column, v => v);
        return single ? Scalar<float>(row, column, v => v) : Scalar<double>(row, column, v => v);
    }

    private static Read Scalar<T>(DataViewRow row, DataViewSchema.Column column, Func<T, double> convert)
    {
        var getter = row.GetGetter<T>(column);
        T value = default;
        var one = new double[1];
        return () =>
        {
            getter(ref value);
            one[0] = convert(value);
            return one;
        };
    }

    private static Read Vector<T>(DataViewRow row, DataViewSchema.Column column, Func<T, double> convert)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> value = default;
        double[] all = [];
        return () =>
        {
            getter(ref value);
            if (all.Length != value.Length)
                all = new double[value.Length];
            all.AsSpan().Clear();
            foreach (var (i, x) in value.Items())
                all[i] = convert(x);
            return all;
        };
    }
}
