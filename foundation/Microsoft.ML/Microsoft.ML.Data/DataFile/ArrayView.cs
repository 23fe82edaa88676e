namespace Microsoft.ML.Data;

/// <summary>Columns kept as arrays.</summary>
internal sealed class ArrayView(DataViewSchema schema, Array[] columns, int rows) : IDataView
{
    public bool CanShuffle => false;

    public DataViewSchema Schema => schema;

    public long? GetRowCount() => rows;

    /// <summary>All values of a column of this type.</summary>
    public T[] Column<T>(int index) => (T[])columns[index];

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null) =>
        GetRowCursorSet(columnsNeeded, 1, rand)[0];

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
    {
        var active = new ActiveColumns(schema, columnsNeeded);
        return RowShare.Split(rows, n).Select(share => (DataViewRowCursor)new Cursor(schema, columns, share, active)).ToArray();
    }

    /// <summary>Reads a column of a view whole.</summary>
    public static T[] ReadAll<T>(IDataView view, DataViewSchema.Column column)
    {
        var values = new List<T>();
        using var cursor = view.GetRowCursor([column]);
        var getter = cursor.GetGetter<T>(column);
        while (cursor.MoveNext())
        {
            T value = default;
            getter(ref value);
            values.Add(value);
        }
        return values.ToArray();
    }

    private sealed class Cursor(DataViewSchema schema, Array[] columns, RowShare share, ActiveColumns active) : RootCursor
    {

        public override DataViewSchema Schema => schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

        public override long Batch => share.Batch;

        protected override bool MoveCore() => share.MoveNext();

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) =>
        {
            CheckGood();
            value = new DataViewRowId((ulong)share.Row, 0);
        };

        private int Row => share.Row;

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            active.Check(column);
            var getter = column.Type is VectorDataViewType vector
                ? Getters.Call<Delegate>(Getters.Method(typeof(Cursor), nameof(Vectors)), vector.ItemType.RawType, this, columns[column.Index])
                : Getters.Call<Delegate>(Getters.Method(typeof(Cursor), nameof(Scalars)), column.Type.RawType, this, columns[column.Index]);
            return Getters.As<TValue>(getter);
        }

        private static ValueGetter<T> Scalars<T>(Cursor cursor, T[] values) => (ref T value) =>
        {
            cursor.CheckGood();
            value = values[cursor.Row];
        };

        private static ValueGetter<VBuffer<T>> Vectors<T>(Cursor cursor, VBuffer<T>[] values) => (ref VBuffer<T> value) =>
        {
            cursor.CheckGood();
            values[cursor.Row].CopyTo(ref value);
        };
    }
}
