using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Puts a value in the place of missing ones.</summary>
public sealed class MissingValueReplacingEstimator : IEstimator<MissingValueReplacingTransformer>
{
    private readonly IHost _host;
    private readonly (string outputColumnName, string inputColumnName)[] _columns;
    private readonly ReplacementMode _mode;
    private readonly bool _bySlot;

    internal MissingValueReplacingEstimator(IHostEnvironment env, ReplacementMode mode, bool bySlot, params (string outputColumnName, string inputColumnName)[] columns)
    {
        Contracts.CheckParam(Enum.IsDefined(mode), "replacementMode", "Unknown replacement mode");
        if (mode == ReplacementMode.Mode)
            throw Contracts.ExceptNotSupp("ReplaceMissingValues: ReplacementMode.Mode is not supported by the bundled foundation");
        _host = env.Register(nameof(MissingValueReplacingEstimator));
        _columns = columns;
        _mode = mode;
        _bySlot = bySlot;
    }

    /// <summary>What is put in the place of missing values.</summary>
    public enum ReplacementMode : byte
    {
        DefaultValue = 0,
        Mean = 1,
        Minimum = 2,
        Maximum = 3,
        Mode = 5,
    }

    public MissingValueReplacingTransformer Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        var sources = _columns.Select(c => input.Schema.GetColumnOrNull(c.inputColumnName)
            ?? throw Contracts.ExceptSchemaMismatch("inputSchema", "input", c.inputColumnName)).ToArray();
        foreach (var source in sources)
            MissingValueReplacingTransformer.CheckType(source.Type);
        var learners = sources.Select(s => new Learner(_mode, _bySlot && s.Type is VectorDataViewType { IsKnownSize: true } v ? v.Size : 1)).ToArray();
        if (_mode != ReplacementMode.DefaultValue)
        {
            using var cursor = input.GetRowCursor(sources);
            var readers = sources.Select(s => NumberReader.Create(cursor, s)).ToArray();
            while (cursor.MoveNext())
            {
                for (int i = 0; i < readers.Length; i++)
                    learners[i].Add(readers[i]());
            }
        }
        var replacements = learners.Zip(sources).Select(p => (p.Second.Type, Values: p.First.Finish())).ToArray();
        return new MissingValueReplacingTransformer(_host, replacements, _columns);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(_columns.Select(pair =>
        {
            if (!inputSchema.TryFindColumn(pair.inputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", pair.inputColumnName);
            MissingValueReplacingTransformer.CheckType(column.ItemType);
            var annotations = column.Annotations.Where(a => a.Name is AnnotationKinds.SlotNames or AnnotationKinds.IsNormalized);
            return new SchemaShape.Column(pair.outputColumnName, column.Kind, column.ItemType, false, new SchemaShape(annotations));
        }).ToArray());
    }

    /// <summary>Means, minima or maxima of slots, or of all values together.</summary>
    private sealed class Learner(ReplacementMode mode, int slots)
    {
        private readonly double[] _value = new double[slots];
        private readonly long[] _count = new long[slots];

        public void Add(ReadOnlySpan<double> values)
        {
            for (int i = 0; i < values.Length; i++)
            {
                double x = values[i];
                if (double.IsNaN(x) || (mode == ReplacementMode.Mean && double.IsInfinity(x)))
                    continue;
                int slot = slots == 1 ? 0 : i;
                _count[slot]++;
                _value[slot] = mode switch
                {
                    ReplacementMode.Mean => _value[slot] + (x - _value[slot]) / _count[slot],
                    ReplacementMode.Minimum => _count[slot] == 1 ? x : Math.Min(_value[slot], x),
                    _ => _count[slot] == 1 ? x : Math.Max(_value[slot], x),
                };
            }
        }

        public double[] Finish() => _value;
    }
}
