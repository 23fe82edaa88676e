using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.FineTune;

/// <summary>Holds one column's values of the rows that were read ahead.</summary>
internal abstract class ColumnBuffer
{
    public static ColumnBuffer Of(DataViewRow input, DataViewSchema.Column column, int rows)
    {
        // The column's type is known at run time only; these are types of our own.
        var type = column.Type is VectorDataViewType vector
            ? typeof(VectorBuffer<>).MakeGenericType(vector.ItemType.RawType)
            : typeof(ValueBuffer<>).MakeGenericType(column.Type.RawType);
        return (ColumnBuffer)Activator.CreateInstance(type, input, column, rows)!;
    }

    public abstract void Read(int row);

    public abstract Delegate Getter(Func<int> row);
}

/// <summary>Values that are handed out as they are.</summary>
internal sealed class ValueBuffer<T>(DataViewRow input, DataViewSchema.Column column, int rows) : ColumnBuffer
{
    private readonly ValueGetter<T> _get = input.GetGetter<T>(column);
    private readonly T[] _values = new T[rows];

    public override void Read(int row)
    {
        // A fresh variable: the source must not write into a value that was handed out.
        var value = default(T)!;
        _get(ref value);
        _values[row] = value;
    }

    public override Delegate Getter(Func<int> row) => (ValueGetter<T>)((ref T value) => value = _values[row()]);
}

/// <summary>Vectors, which are copied out: a reader may write into the vector that it was given.</summary>
internal sealed class VectorBuffer<T>(DataViewRow input, DataViewSchema.Column column, int rows) : ColumnBuffer
{
    private readonly ValueGetter<VBuffer<T>> _get = input.GetGetter<VBuffer<T>>(column);
    private readonly VBuffer<T>[] _values = new VBuffer<T>[rows];

    public override void Read(int row) => _get(ref _values[row]);

    public override Delegate Getter(Func<int> row)
        => (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[row()].CopyTo(ref value));
}
