using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Views: made of objects, filtered, ordered, split.</summary>
public sealed class DataOperationsCatalog
{
    internal DataOperationsCatalog(IHostEnvironment env)
    {
        Contracts.CheckValue(env, nameof(env));
        Environment = env;
    }

    internal IHostEnvironment Environment { get; }

    /// <summary>A training and a test set.</summary>
    public struct TrainTestData
    {
        public readonly IDataView TrainSet;
        public readonly IDataView TestSet;

        internal TrainTestData(IDataView trainSet, IDataView testSet)
        {
            TrainSet = trainSet;
            TestSet = testSet;
        }
    }

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition schemaDefinition = null) where TRow : class
    {
        Contracts.CheckValue(data, nameof(data));
        return new EnumerableView<TRow>(Environment, data, RowClass.Create(typeof(TRow), schemaDefinition, SchemaDefinition.Direction.Read));
    }

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, DataViewSchema schema) where TRow : class
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckValue(schema, nameof(schema));
        return new EnumerableView<TRow>(Environment, data, RowClass.Create(typeof(TRow), DefinitionOf(typeof(TRow), schema), SchemaDefinition.Direction.Read));
    }

    /// <summary>The members' definition with the types and annotations of the schema's columns.</summary>
    private static SchemaDefinition DefinitionOf(Type type, DataViewSchema schema)
    {
        var definition = SchemaDefinition.Create(type, SchemaDefinition.Direction.Read);
        foreach (var column in schema)
        {
            var own = definition[column.Name] ?? throw Contracts.Except($"Type should contain a member named {column.Name}");
            own.ColumnType = column.Type;
            own.SetAnnotations(column.Annotations);
        }
        return definition;
    }

    public IEnumerable<TRow> CreateEnumerable<TRow>(IDataView data, bool reuseRowObject, bool ignoreMissingColumns = false,
        SchemaDefinition schemaDefinition = null) where TRow : class, new()
    {
        Contracts.CheckValue(data, nameof(data));
        var binding = RowBinding<TRow>.Create(data.Schema, ignoreMissingColumns, schemaDefinition);
        return Rows(data, binding, reuseRowObject);
    }

    private static IEnumerable<TRow> Rows<TRow>(IDataView data, RowBinding<TRow> binding, bool reuse) where TRow : class, new()
    {
        using var cursor = data.GetRowCursor(binding.Columns);
        var fill = binding.CreateFill(cursor);
        var row = new TRow();
        while (cursor.MoveNext())
        {
            if (!reuse)
                row = new TRow();
            fill(row);
            yield return row;
        }
    }

    public IDataView BootstrapSample(IDataView input, int? seed = null, bool complement = false)
    {
        Contracts.CheckValue(input, nameof(input));
        var host = Environment.Register("BootstrapSample");
        return new BootstrapView(input, (uint)(seed ?? host.Rand.Next()), complement);
    }

    public IDataView Cache(IDataView input, params string[] columnsToPrefetch)
    {
        Contracts.CheckValue(input, nameof(input));
        Environment.Register("Cache");
        return new CachedView(input, (columnsToPrefetch ?? []).Select(name => input.Schema[name].Index));
    }

    public IDataView FilterRowsByColumn(IDataView input, string columnName, double lowerBound = double.NegativeInfinity,
        double upperBound = double.PositiveInfinity)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckNonEmpty(columnName, nameof(columnName));
        Contracts.CheckParam(lowerBound < upperBound, nameof(upperBound), "Must be less than lowerBound");
        var type = input.Schema[columnName].Type;
        if (type is not NumberDataViewType)
            throw Contracts.ExceptSchemaMismatch(nameof(columnName), "filter", columnName, "number", type.ToString());
        return new RangeFilterView(input, columnName, lowerBound, upperBound, includeMax: false);
    }

    public IDataView FilterRowsByKeyColumnFraction(IDataView input, string columnName, double lowerBound = 0, double upperBound = 1)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckNonEmpty(columnName, nameof(columnName));
        Contracts.CheckParam(0 <= lowerBound && lowerBound <= 1, nameof(lowerBound), "Must be in [0, 1]");
        Contracts.CheckParam(0 <= upperBound && upperBound <= 1, nameof(upperBound), "Must be in [0, 1]");
        Contracts.CheckParam(lowerBound <= upperBound, nameof(upperBound), "Must be no less than lowerBound");
        var type = input.Schema[columnName].Type;
        if (type is not KeyDataViewType)
            throw Contracts.ExceptSchemaMismatch(nameof(columnName), "filter", columnName, "KeyType", type.ToString());
        return new RangeFilterView(input, columnName, lowerBound, upperBound);
    }

    public IDataView FilterRowsByMissingValues(IDataView input, params string[] columns)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckParam(columns is { Length: > 0 }, nameof(columns));
        return new MissingFilterView(input, columns);
    }

    public IDataView ShuffleRows(IDataView input, int? seed = null, int shufflePoolSize = 1000, bool shuffleSource = true)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckParam(shufflePoolSize > 0, nameof(shufflePoolSize), "Must be positive");
        var host = Environment.Register("Shuffle");
        return new ShuffledView(input, seed ?? ((HybridTausworthe)host.Rand).NextSigned(), shufflePoolSize, shuffleSource);
    }

    public IDataView SkipRows(IDataView input, long count)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckParam(count > 0, nameof(count), "Must be greater than zero.");
        return new SkipTakeView(input, count, long.MaxValue);
    }

    public IDataView TakeRows(IDataView input, long count)
    {
        Contracts.CheckValue(input, nameof(input));
        Contracts.CheckParam(count > 0, nameof(count), "Must be greater than zero.");
        return new SkipTakeView(input, 0, count);
    }

    public TrainTestData TrainTestSplit(IDataView data, double testFraction = 0.1, string samplingKeyColumnName = null, int? seed = null)
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckParam(0 < testFraction && testFraction < 1, nameof(testFraction), "Must be between 0 and 1 exclusive");
        return RowSplit.Create(Environment, data, samplingKeyColumnName, seed, fallBackToContext: true).TrainTest(testFraction);
    }

    public IReadOnlyList<TrainTestData> CrossValidationSplit(IDataView data, int numberOfFolds = 5, string samplingKeyColumnName = null, int? seed = null)
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckParam(numberOfFolds > 1, nameof(numberOfFolds), "Must be more than 1");
        return RowSplit.Create(Environment, data, samplingKeyColumnName, seed, fallBackToContext: true).Folds(numberOfFolds).ToArray();
    }
}
