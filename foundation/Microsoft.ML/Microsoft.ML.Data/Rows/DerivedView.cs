using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A view made of another view. Its rows are read by one cursor at a time.</summary>
internal abstract class DerivedView : IDataView
{
    protected DerivedView(IDataView source)
    {
        Contracts.CheckValue(source, "input");
        Source = source;
    }

    public IDataView Source { get; }

    public virtual bool CanShuffle => Source.CanShuffle;

    public virtual DataViewSchema Schema => Source.Schema;

    public virtual long? GetRowCount() => Source.GetRowCount();

    public abstract DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null);

    public virtual DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];
}

/// <summary>The active columns of a cursor.</summary>
internal sealed class ActiveColumns
{
    private readonly bool[] _active;

    public ActiveColumns(DataViewSchema schema, IEnumerable<DataViewSchema.Column> columns)
    {
        _active = new bool[schema.Count];
        foreach (var column in columns ?? [])
        {
            Contracts.CheckParam(column.Index < _active.Length, "columnsNeeded");
            _active[column.Index] = true;
        }
    }

    public bool this[int index] => _active[index];

    public bool Any(int from, int to) => _active.AsSpan(from, to - from).Contains(true);

    public bool Contains(DataViewSchema.Column column)
    {
        Contracts.Check(column.Index < _active.Length);
        return _active[column.Index];
    }

    public void Check(DataViewSchema.Column column) => Contracts.Check(Contains(column));
}
