using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Keeps columns in memory once they have been read. Columns are kept when they are first asked for.</summary>
internal sealed class CachedView : IDataView
{
    private readonly IDataView _source;
    private readonly Lock _lock = new();
    private readonly ColumnBuffer[] _columns;
    private readonly HashSet<int> _prefetch;
    private long? _count;

    public CachedView(IDataView source, IEnumerable<int> prefetch = null)
    {
        Contracts.CheckValue(source, "input");
        _source = source;
        _columns = new ColumnBuffer[source.Schema.Count];
        _prefetch = [.. prefetch ?? []];
    }

    public bool CanShuffle => true;

    public DataViewSchema Schema => _source.Schema;

    public long? GetRowCount()
    {
        lock (_lock)
            return _count;
    }

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        GetRowCursorSet(columnsNeeded, 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
    {
        var active = new ActiveColumns(Schema, columnsNeeded);
        int count = Fill(active);
        int[] order = null;
        if (rand is not null)
        {
            order = Enumerable.Range(0, count).ToArray();
            for (int i = 0; i < count; i++)
            {
                int other = i + rand.Next(count - i);
                (order[i], order[other]) = (order[other], order[i]);
            }
        }
        return RowShare.Split(count, n).Select(share => (DataViewRowCursor)new Cursor(this, active, share, order)).ToArray();
    }

    /// <summary>Reads the columns that are not kept yet; gives the number of rows.</summary>
    private int Fill(ActiveColumns active)
    {
        lock (_lock)
        {
            var missing = Schema.Where(c => (active[c.Index] || _prefetch.Contains(c.Index)) && _columns[c.Index] is null).ToArray();
            if (missing.Length == 0 && _count is long known)
                return (int)known;
            using var cursor = _source.GetRowCursor(missing);
            var buffers = missing.Select(c => ColumnBuffer.Create(cursor, c)).ToArray();
            int rows = 0;
            while (cursor.MoveNext())
            {
                foreach (var buffer in buffers)
                    buffer.Store(rows);
                rows++;
            }
            if (_count is long before && before != rows)
                throw Contracts.Except($"The cached view had {before} rows when it was first read, but {rows} now");
            for (int i = 0; i < missing.Length; i++)
                _columns[missing[i].Index] = buffers[i];
            _count = rows;
            return rows;
        }
    }

    private sealed class Cursor(CachedView view, ActiveColumns active, RowShare share, int[] order) : RootCursor
    {

        public override DataViewSchema Schema => view.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

        public override long Batch => share.Batch;

        protected override bool MoveCore() => share.MoveNext();

        private int Slot()
        {
            CheckGood();
            return order is null ? share.Row : order[share.Row];
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            active.Check(column);
            return Getters.As<TValue>(view._columns[column.Index].CreateGetter(Slot));
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new DataViewRowId((ulong)Slot(), 0);
    }
}
