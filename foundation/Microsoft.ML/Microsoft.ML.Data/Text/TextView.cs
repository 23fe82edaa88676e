namespace Microsoft.ML.Data;

/// <summary>The rows of text files.</summary>
internal sealed class TextView(TextFormat format, TextColumns columns, IMultiStreamSource files) : IDataView
{
    public bool CanShuffle => false;

    public DataViewSchema Schema => columns.Schema;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        new Cursor(this, new ActiveColumns(Schema, columnsNeeded));

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private TextFormat Format => format;

    private TextColumns Columns => columns;

    private IMultiStreamSource Files => files;

    private sealed class Cursor : RootCursor
    {
        private readonly TextView _view;
        private readonly ActiveColumns _active;
        private readonly FieldReader[] _readers;
        private readonly FieldSplitter _fields;
        private readonly IEnumerator<TextLines.Line> _lines;

        public Cursor(TextView view, ActiveColumns active)
        {
            _view = view;
            _active = active;
            var items = view.Columns.Items;
            _readers = new FieldReader[items.Length];
            int needed = -1;
            for (int i = 0; i < items.Length; i++)
            {
                if (!active[i])
                    continue;
                _readers[i] = FieldReader.Create(items[i], view.Format, () => Position >= 0);
                needed = Math.Max(needed, items[i].Segments.Max(s => s.IsVariable ? TextColumns.Open - 2 : s.Limit - 1));
            }
            _fields = needed < 0 ? null : new FieldSplitter(view.Format, needed);
            _lines = TextLines.Read(view.Files, view.Format).GetEnumerator();
        }

        public override DataViewSchema Schema => _view.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            _active.Check(column);
            return Getters.As<TValue>(_readers[column.Index].Getter);
        }

        protected override bool MoveCore()
        {
            if (!NextLine())
                return false;
            if (_fields is null)
                return true;
            try
            {
                int count = _fields.Split(_lines.Current.Text);
                foreach (var reader in _readers)
                    reader?.Read(_fields, count, _lines.Current.Number);
            }
            catch (InvalidOperationException e)
            {
                throw new FormatException($"Parsing failed with an exception: {e.Message}", e);
            }
            return true;
        }

        private bool NextLine()
        {
            try
            {
                return _lines.MoveNext();
            }
            catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
            {
                throw new FormatException("Stream reading encountered exception", e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _lines.Dispose();
            base.Dispose(disposing);
        }
    }
}
