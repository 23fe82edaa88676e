using Microsoft.ML;

namespace Peft.Estimators.FineTune;

/// <summary>The rows of a view with their predictions: lazy, and never a row a forward pass.</summary>
internal sealed class BatchedView(IDataView input, ClassifierMapper mapper) : IDataView
{
    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => mapper.OutputSchema;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var columns = columnsNeeded.ToArray();
        return Cursor(input.GetRowCursor(mapper.GetDependencies(columns), rand), columns);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        var columns = columnsNeeded.ToArray();
        return input.GetRowCursorSet(mapper.GetDependencies(columns), n, rand).Select(cursor => Cursor(cursor, columns)).ToArray();
    }

    private DataViewRowCursor Cursor(DataViewRowCursor rows, DataViewSchema.Column[] columns)
        => columns.Any(mapper.Writes) ? new BatchedCursor(mapper, rows, columns) : new UnpredictedCursor(mapper, rows, columns);
}
