using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Data;

/// <summary>Rows dealt out by a number from 0 to 1: random, or computed from a sampling key so that equal keys stay together.</summary>
internal sealed class RowSplit
{
    private readonly IHostEnvironment _env;
    private readonly IDataView _data;
    private readonly string _column;

    private RowSplit(IHostEnvironment env, IDataView data, string column)
    {
        _env = env;
        _data = data;
        _column = column;
    }

    public static RowSplit Create(IHostEnvironment env, IDataView data, string samplingKeyColumn, int? seed, bool fallBackToContext)
    {
        string column = FreeName(data.Schema, "SplitColumn");
        int? used = seed ?? (fallBackToContext ? ((ISeededEnvironment)env).Seed : null);
        if (samplingKeyColumn is null)
            return new RowSplit(env, new RandomColumnView(data, column, (uint)(used ?? 42)), column);

        var type = data.Schema.GetColumnOrNull(samplingKeyColumn)?.Type
            ?? throw Contracts.ExceptSchemaMismatch(nameof(samplingKeyColumn), "SamplingKeyColumn", samplingKeyColumn);
        if (type.Equals(NumberDataViewType.Single) || type.Equals(NumberDataViewType.Double))
        {
            var normalize = NormalizingEstimator.MinMax(env, [(column, samplingKeyColumn)], fixZero: false);
            return new RowSplit(env, normalize.Fit(data).Transform(data), column);
        }
        if (type is KeyDataViewType)
            return new RowSplit(env, new ColumnCopyingTransformer(env, (column, samplingKeyColumn)).Transform(data), column);
        string hashed = samplingKeyColumn;
        var item = type is VectorDataViewType vector ? vector.ItemType : type;
        if (item is DateTimeDataViewType or DateTimeOffsetDataViewType or TimeSpanDataViewType)
        {
            data = new TypeConvertingTransformer(env, DataKind.Int64, (column, samplingKeyColumn)).Transform(data);
            hashed = column;
        }
        var options = used is int s
            ? new HashingEstimator.ColumnOptions(column, hashed, 30, (uint)s, combine: true)
            : new HashingEstimator.ColumnOptions(column, hashed, 30, combine: true);
        return new RowSplit(env, new HashingEstimator(env, options).Fit(data).Transform(data), column);
    }

    public DataOperationsCatalog.TrainTestData TrainTest(double testFraction) =>
        new(Part(0, testFraction, complement: true, includeMax: null), Part(0, testFraction, complement: false, includeMax: null));

    public IEnumerable<DataOperationsCatalog.TrainTestData> Folds(int count)
    {
        for (int fold = 0; fold < count; fold++)
        {
            double min = (double)fold / count, max = (double)(fold + 1) / count;
            yield return new DataOperationsCatalog.TrainTestData(Part(min, max, true, true), Part(min, max, false, true));
        }
    }

    private IDataView Part(double min, double max, bool complement, bool? includeMax)
    {
        var rows = new RangeFilterView(_data, _column, min, max, complement, includeMin: true, includeMax);
        return ColumnSelectingTransformer.Drop(_env, _column).Transform(rows);
    }

    private static string FreeName(DataViewSchema schema, string name)
    {
        string free = name;
        for (int i = 0; schema.GetColumnOrNull(free) is not null; i++)
            free = $"{name}_{i:000}";
        return free;
    }
}
