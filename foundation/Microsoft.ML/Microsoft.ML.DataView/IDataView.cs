namespace Microsoft.ML;

/// <summary>Reads the value of a column at the current row.</summary>
public delegate void ValueGetter<TValue>(ref TValue value);

/// <summary>A table with a schema whose rows are read through cursors.</summary>
public interface IDataView
{
    bool CanShuffle { get; }

    DataViewSchema Schema { get; }

    long? GetRowCount();

    DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null);

    DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null);
}
