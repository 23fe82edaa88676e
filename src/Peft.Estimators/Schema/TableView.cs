using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Schema;

/// <summary>A small table in memory as a data view; it needs no context.</summary>
internal sealed class TableView : IDataView
{
    private readonly TableColumn[] _columns;
    private readonly int _rows;

    public TableView(int rows, params TableColumn[] columns)
    {
        (_rows, _columns) = (rows, columns);
        var builder = new DataViewSchema.Builder();
        foreach (var column in columns)
        {
            builder.AddColumn(column.Name, column.Type);
        }

        Schema = builder.ToSchema();
    }

    /// <summary>A table of one text column without rows, for fitting steps that do not look at data.</summary>
    public static TableView NoRows(string textColumn)
        => new(0, new TableColumn<ReadOnlyMemory<char>>(textColumn, TextDataViewType.Instance, []));

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _rows;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
        => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(TableView table, IEnumerable<DataViewSchema.Column> needed) : DataViewRowCursor
    {
        private readonly HashSet<int> _active = [.. needed.Select(column => column.Index)];
        private int _row = -1;

        public override DataViewSchema Schema => table.Schema;

        public override long Position => _row;

        public override long Batch => 0;

        public override bool MoveNext()
        {
            if (_row + 1 < table._rows)
            {
                _row++;
                return true;
            }

            _row = -1;
            return false;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter()
            => (ref DataViewRowId value) => value = new DataViewRowId((ulong)_row, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
            => Getters.As<TValue>(table._columns[column.Index].Getter(() => _row), column);
    }
}

/// <summary>A column of a <see cref="TableView"/>.</summary>
internal abstract record TableColumn(string Name, DataViewType Type)
{
    public abstract Delegate Getter(Func<int> row);
}

/// <summary>A column of values of type <typeparamref name="T"/>, which is the raw type of <c>Type</c>.</summary>
internal sealed record TableColumn<T>(string Name, DataViewType Type, T[] Values) : TableColumn(Name, Type)
{
    public override Delegate Getter(Func<int> row) => (ValueGetter<T>)((ref T value) => value = Values[row()]);
}
