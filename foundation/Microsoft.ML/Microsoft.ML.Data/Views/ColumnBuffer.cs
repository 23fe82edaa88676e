namespace Microsoft.ML.Data;

/// <summary>Values of one column kept by slot.</summary>
internal abstract class ColumnBuffer
{
    public static ColumnBuffer Create(DataViewRow row, DataViewSchema.Column column)
    {
        var buffer = column.Type is VectorDataViewType vector ? typeof(Vectors<>).MakeGenericType(vector.ItemType.RawType) : typeof(Scalars<>).MakeGenericType(column.Type.RawType);
        return (ColumnBuffer)Activator.CreateInstance(buffer, row, column);
    }

    /// <summary>Keeps the row's current value in a slot.</summary>
    public abstract void Store(int slot);

    /// <summary>A getter of the value in the slot that is current at the time.</summary>
    public abstract Delegate CreateGetter(Func<int> slot);

    private static void Grow<T>(ref T[] values, int slot)
    {
        if (slot >= values.Length)
            Array.Resize(ref values, Math.Max(slot + 1, Math.Max(16, values.Length * 2)));
    }

    private sealed class Scalars<T>(DataViewRow row, DataViewSchema.Column column) : ColumnBuffer
    {
        private readonly ValueGetter<T> _getter = row.GetGetter<T>(column);
        private T[] _values = [];

        public override void Store(int slot)
        {
            Grow(ref _values, slot);
            _getter(ref _values[slot]);
        }

        public override Delegate CreateGetter(Func<int> slot) => (ValueGetter<T>)((ref T value) => value = _values[slot()]);
    }

    private sealed class Vectors<T>(DataViewRow row, DataViewSchema.Column column) : ColumnBuffer
    {
        private readonly ValueGetter<VBuffer<T>> _getter = row.GetGetter<VBuffer<T>>(column);
        private VBuffer<T>[] _values = [];

        public override void Store(int slot)
        {
            Grow(ref _values, slot);
            _getter(ref _values[slot]);
        }

        public override Delegate CreateGetter(Func<int> slot) =>
            (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[slot()].CopyTo(ref value));
    }
}
