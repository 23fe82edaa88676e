using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Objects as a view.</summary>
internal sealed class EnumerableView<TRow> : IDataView where TRow : class
{
    private readonly IEnumerable<TRow> _data;
    private readonly RowClass _class;

    public EnumerableView(IHostEnvironment env, IEnumerable<TRow> data, RowClass rowClass)
    {
        Contracts.CheckValue(data, nameof(data));
        // Registering draws from the context's random numbers, as the real library does: unseeded steps behind it see the same ones.
        env.Register("StreamingDataView");
        _data = data;
        _class = rowClass;
        Schema = rowClass.Schema();
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _data is ICollection<TRow> list ? list.Count : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        new Cursor(this, new ActiveColumns(Schema, columnsNeeded));

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor : RootCursor
    {
        private readonly EnumerableView<TRow> _view;
        private readonly ActiveColumns _active;
        private readonly IEnumerator<TRow> _rows;
        private readonly Delegate[] _getters;
        private TRow _current;

        public Cursor(EnumerableView<TRow> view, ActiveColumns active)
        {
            _view = view;
            _active = active;
            _rows = view._data.GetEnumerator();
            _getters = new Delegate[view._class.Columns.Length];
        }

        public override DataViewSchema Schema => _view.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            _active.Check(column);
            _getters[column.Index] ??= Peeks.Create(_view._class.Columns[column.Index], () =>
            {
                CheckGood();
                return _current;
            });
            return Getters.As<TValue>(_getters[column.Index]);
        }

        protected override bool MoveCore()
        {
            bool moved = _rows.MoveNext();
            _current = moved ? _rows.Current ?? throw Contracts.Except("Encountered null when iterating over data, this is not supported.") : null;
            return moved;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _rows.Dispose();
            base.Dispose(disposing);
        }
    }
}
