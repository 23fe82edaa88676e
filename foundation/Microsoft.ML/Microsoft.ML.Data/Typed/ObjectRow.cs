using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>One object as a row; the object may be exchanged.</summary>
internal sealed class ObjectRow<TRow> : DataViewRow where TRow : class
{
    private readonly RowClass _class;
    private readonly Delegate[] _getters;
    private TRow _value;
    private long _position = -1;

    public ObjectRow(RowClass rowClass)
    {
        _class = rowClass;
        Schema = rowClass.Schema();
        _getters = new Delegate[rowClass.Columns.Length];
    }

    public override DataViewSchema Schema { get; }

    public override long Position => _position;

    public override long Batch => 0;

    public void Set(TRow row)
    {
        Contracts.CheckValue(row, "example");
        _value = row;
        _position++;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => true;

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new DataViewRowId((ulong)_position, 0);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Contracts.CheckParam(column.Index < _getters.Length, nameof(column));
        _getters[column.Index] ??= Peeks.Create(_class.Columns[column.Index], () => _value);
        return Getters.As<TValue>(_getters[column.Index]);
    }
}
