using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Rows without a missing value in some columns.</summary>
internal sealed class MissingFilterView : FilterView
{
    private readonly DataViewSchema.Column[] _columns;

    public MissingFilterView(IDataView source, string[] columns) : base(source)
    {
        _columns = columns.Select(name =>
        {
            var column = source.Schema.GetColumnOrNull(name) ?? throw Contracts.ExceptParam("Columns", $"Source column '{name}' not found");
            var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
            if (!MissingValues.Has(item))
            {
                throw Contracts.ExceptParam("Columns",
                    $"Column '{name}' has type {column.Type} which does not support missing values, so we cannot filter on them");
            }
            return column;
        }).ToArray();
    }

    protected override IEnumerable<DataViewSchema.Column> Tested => _columns;

    protected override Func<bool> CreateTest(DataViewRow row)
    {
        var tests = _columns.Select(c => MissingValues.CreateTest(row, c)).ToArray();
        return () => !tests.Any(missing => missing());
    }
}
