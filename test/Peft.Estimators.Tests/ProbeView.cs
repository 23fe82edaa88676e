using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Tests;

/// <summary>Rows that notice what is read of them, shuffle, and come in as many cursors as asked for.</summary>
internal sealed class ProbeView : IDataView
{
    private readonly Row[] _rows;

    public ProbeView(Row[] rows)
    {
        _rows = rows;
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Id", NumberDataViewType.Int32);
        builder.AddColumn("Description", TextDataViewType.Instance);
        builder.AddColumn("Size", new VectorDataViewType(NumberDataViewType.Single, 2));
        Schema = builder.ToSchema();
    }

    /// <summary>Columns that the latest cursor was asked for.</summary>
    public string[] Asked { get; private set; } = [];

    /// <summary>Rows that the cursors have moved over.</summary>
    public int Moves { get; private set; }

    public bool CanShuffle => true;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _rows.Length;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
        => GetRowCursorSet(columnsNeeded, 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        Asked = [.. columnsNeeded.Select(column => column.Name)];
        var order = Enumerable.Range(0, _rows.Length).ToArray();
        rand?.Shuffle(order);
        return [.. Enumerable.Range(0, n).Select(k => new Cursor(this, [.. order.Where((_, i) => i % n == k)]))];
    }

    private sealed class Cursor(ProbeView view, int[] order) : DataViewRowCursor
    {
        private readonly float[] _size = new float[2]; // one array for all rows, as ML.NET's own cursors may do
        private int _at = -1;

        public override DataViewSchema Schema => view.Schema;

        public override long Position => _at;

        public override long Batch => order[_at] / 10;

        public override bool MoveNext()
        {
            view.Moves++;
            return ++_at < order.Length;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => view.Asked.Contains(column.Name);

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new((ulong)order[_at], 7);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            Assert.IsTrue(IsColumnActive(column), $"{column.Name} was not asked for");
            Delegate getter = column.Name switch
            {
                "Id" => (ValueGetter<int>)((ref int value) => value = view._rows[order[_at]].Id),
                "Description" => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = view._rows[order[_at]].Description.AsMemory()),
                _ => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
                {
                    view._rows[order[_at]].Size.CopyTo(_size, 0);
                    var editor = VBufferEditor.Create(ref value, 2);
                    _size.CopyTo(editor.Values);
                    value = editor.Commit();
                }),
            };
            return (ValueGetter<TValue>)getter;
        }
    }
}
