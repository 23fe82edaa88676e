using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Properties;

/// <summary>A view over columns in memory.</summary>
internal sealed class Table : IDataView
{
    private readonly TableColumn[] _columns;

    public Table(int rows, params TableColumn[] columns)
    {
        Rows = rows;
        _columns = columns;
        var builder = new DataViewSchema.Builder();
        foreach (var column in columns)
            builder.AddColumn(column.Name, column.Type);
        Schema = builder.ToSchema();
    }

    public int Rows { get; }

    public IReadOnlyList<TableColumn> Columns => _columns;

    public DataViewSchema Schema { get; }

    public bool CanShuffle => false;

    public long? GetRowCount() => Rows;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

    /// <summary>The first difference between these rows and another view's, or null.</summary>
    public string? DifferenceTo(IDataView other)
    {
        using var cursor = other.GetRowCursor(other.Schema);
        var readers = _columns.Select(c => c.Reader(cursor)).ToArray();
        for (int row = 0; row < Rows; row++)
        {
            if (!cursor.MoveNext())
                return $"{row} rows, not {Rows}";
            for (int i = 0; i < readers.Length; i++)
            {
                if (readers[i](row) is { } difference)
                    return $"row {row}, column {_columns[i].Name} of {_columns[i].Type}: {difference}";
            }
        }
        return cursor.MoveNext() ? $"more than {Rows} rows" : null;
    }

    public override string ToString() =>
        $"{Rows} rows of {string.Join(", ", _columns.Select(c => $"{c.Name}:{c.Type}"))}\n" + string.Join("\n", _columns.Select(c => c.ToString()));

    private sealed class Cursor(Table table, IEnumerable<DataViewSchema.Column> needed) : DataViewRowCursor
    {
        private readonly HashSet<int> _active = needed.Select(c => c.Index).ToHashSet();
        private int _row = -1;

        public override long Position => _row;

        public override long Batch => 0;

        public override DataViewSchema Schema => table.Schema;

        public override bool MoveNext() => _row < table.Rows && ++_row < table.Rows;

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_row, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            (ValueGetter<TValue>)table._columns[column.Index].Getter(() => _row);
    }
}

/// <summary>A column of a table.</summary>
internal abstract class TableColumn(string name, DataViewType type, DataKind kind)
{
    public string Name { get; } = name;

    public DataViewType Type { get; } = type;

    public DataKind Kind { get; } = kind;

    /// <summary>How many fields of a line it takes.</summary>
    public int Width => (Type as VectorDataViewType)?.Size ?? 1;

    /// <summary>How a text file's columns say it, from a field on.</summary>
    public TextLoader.Column InText(int field)
    {
        var range = Type is VectorDataViewType ? new TextLoader.Range(field, field + Width - 1) { ForceVector = true } : new TextLoader.Range(field);
        var column = new TextLoader.Column(Name, Kind, [range]);
        if (((Type as VectorDataViewType)?.ItemType ?? Type) is KeyDataViewType key)
            column.KeyCount = new KeyCount(key.Count);
        return column;
    }

    public abstract Delegate Getter(Func<int> row);

    /// <summary>Compares a row of the table with the current row of a cursor.</summary>
    public abstract Func<int, string?> Reader(DataViewRow row);
}

/// <summary>A column of a table, with its values.</summary>
internal sealed class TableColumn<T>(string name, DataViewType type, DataKind kind, T[] values, Func<T, T, bool> same) : TableColumn(name, type, kind)
{
    public override Delegate Getter(Func<int> row) => (ValueGetter<T>)((ref T value) => value = values[row()]);

    public override Func<int, string?> Reader(DataViewRow row)
    {
        var getter = row.GetGetter<T>(row.Schema[Name]);
        T value = default!;
        return i =>
        {
            getter(ref value);
            return same(values[i], value) ? null : $"{Text(values[i])} became {Text(value)}";
        };
    }

    private static string Text(T value) => value switch
    {
        VBuffer<ReadOnlyMemory<char>> v => string.Join("|", v.DenseValues()),
        VBuffer<float> v => string.Join("|", v.DenseValues()),
        VBuffer<double> v => string.Join("|", v.DenseValues()),
        DateTime d => d.ToString("o"),
        _ => $"'{value}'",
    };

    public override string ToString() => $"{Name}: {string.Join(", ", values.Select(Text))}";
}
