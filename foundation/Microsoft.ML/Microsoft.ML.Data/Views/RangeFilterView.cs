using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Rows whose number lies in a range, or outside of it. Missing values are on neither side.</summary>
internal sealed class RangeFilterView : FilterView
{
    private readonly DataViewSchema.Column _column;
    private readonly double _min, _max;
    private readonly bool _complement, _includeMin, _includeMax;

    public RangeFilterView(IDataView source, string column, double? min, double? max, bool complement = false, bool includeMin = true, bool? includeMax = null)
        : base(source)
    {
        _column = source.Schema[column];
        if (!IsValid(_column.Type))
            throw Contracts.ExceptParam("Column", $"Column '{column}' does not have compatible type");
        _min = min ?? double.NegativeInfinity;
        _max = max ?? double.PositiveInfinity;
        _complement = complement;
        _includeMin = includeMin;
        _includeMax = includeMax ?? (max is null || (_column.Type is KeyDataViewType && _max >= 1));
    }

    public static bool IsValid(DataViewType type) =>
        type.Equals(NumberDataViewType.Single) || type.Equals(NumberDataViewType.Double) || type is KeyDataViewType;

    protected override IEnumerable<DataViewSchema.Column> Tested => [_column];

    protected override Func<bool> CreateTest(DataViewRow row)
    {
        var value = _column.Type is KeyDataViewType key ? KeyFraction(row, key) : Number(row);
        return () => !double.IsNaN(value()) && InRange(value()) != _complement;
    }

    private bool InRange(double value) => (_includeMin ? _min <= value : _min < value) && (_includeMax ? value <= _max : value < _max);

    private Func<double> Number(DataViewRow row)
    {
        if (_column.Type.Equals(NumberDataViewType.Single))
        {
            var single = row.GetGetter<float>(_column);
            float f = 0;
            return () =>
            {
                single(ref f);
                return f;
            };
        }
        var getter = row.GetGetter<double>(_column);
        double d = 0;
        return () =>
        {
            getter(ref d);
            return d;
        };
    }

    /// <summary>A key as the middle of its share of 0 … 1.</summary>
    private Func<double> KeyFraction(DataViewRow row, KeyDataViewType key)
    {
        var read = KeyReader.Create(row, _column);
        double count = key.Count;
        return () => read() is var raw && (raw == 0 || raw > key.Count) ? double.NaN : (raw - 0.5) / count;
    }
}
