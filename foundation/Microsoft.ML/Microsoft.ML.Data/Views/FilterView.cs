namespace Microsoft.ML.Data;

/// <summary>The rows of a view that pass a test.</summary>
internal abstract class FilterView(IDataView source) : DerivedView(source)
{
    public override long? GetRowCount() => null;

    /// <summary>The columns the test reads.</summary>
    protected abstract IEnumerable<DataViewSchema.Column> Tested { get; }

    protected abstract Func<bool> CreateTest(DataViewRow row);

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        var columns = columnsNeeded.ToArray();
        var input = Source.GetRowCursor(columns.Concat(Tested), rand);
        return new Cursor(input, new ActiveColumns(Schema, columns), CreateTest(input));
    }

    private sealed class Cursor(DataViewRowCursor input, ActiveColumns active, Func<bool> test) : WrappedCursor(input)
    {
        private long _position = -1;

        public override long Position => _position;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            active.Check(column);
            return Input.GetGetter<TValue>(column);
        }

        public override bool MoveNext()
        {
            while (Input.MoveNext())
            {
                if (test())
                {
                    _position++;
                    return true;
                }
            }
            _position = -1;
            return false;
        }
    }
}
