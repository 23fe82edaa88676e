namespace Microsoft.ML.Data;

/// <summary>A view seen through a row to row mapper.</summary>
internal sealed class MappedView(IDataView source, IRowToRowMapper mapping) : DerivedView(source)
{
    public override DataViewSchema Schema => mapping.OutputSchema;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var columns = columnsNeeded.ToArray();
        var input = Source.GetRowCursor(mapping.GetDependencies(columns), rand);
        var cursor = new Cursor(input, mapping.GetRow(input, columns));
        return mapping is RowMapping rows && rows.AnyAdded(new ActiveColumns(Schema, columns)) ? new WorkerCursor(cursor) : cursor;
    }

    public override DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
    {
        var columns = columnsNeeded.ToArray();
        return Source.GetRowCursorSet(mapping.GetDependencies(columns), n, rand)
            .Select(input => (DataViewRowCursor)new Cursor(input, mapping.GetRow(input, columns))).ToArray();
    }

    private sealed class Cursor(DataViewRowCursor input, DataViewRow row) : WrappedCursor(input)
    {
        public override DataViewSchema Schema => row.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                row.Dispose();
            base.Dispose(disposing);
        }
    }
}
