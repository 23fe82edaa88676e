namespace Microsoft.ML.Data;

/// <summary>Some rows from the front left out, and no more than some rows given.</summary>
internal sealed class SkipTakeView(IDataView source, long skip, long take) : DerivedView(source)
{
    public override bool CanShuffle => false;

    public override long? GetRowCount() => Source.GetRowCount() is long n ? Math.Min(Math.Max(0, n - skip), take) : null;

    public override DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        new Cursor(Source.GetRowCursor(columnsNeeded), skip, take);

    private sealed class Cursor(DataViewRowCursor input, long skip, long take) : WrappedCursor(input)
    {
        private long _position = -1;
        private bool _started, _ended;

        public override long Position => _position;

        public override bool MoveNext()
        {
            if (!_started)
            {
                _started = true;
                for (long i = 0; i < skip && !_ended; i++)
                    _ended = !Input.MoveNext();
            }
            if (!_ended && _position + 1 < take && Input.MoveNext())
            {
                _position++;
                return true;
            }
            _ended = true;
            _position = -1;
            return false;
        }
    }
}
