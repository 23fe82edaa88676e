using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Getters that read a column's value out of the current object.</summary>
internal static class Peeks
{
    public static Delegate Create<TRow>(RowClass.Column column, Func<TRow> current)
    {
        var type = MemberTypes.TypeOf(column.Member);
        var item = MemberTypes.ItemOf(type, out bool isVector);
        if (type == typeof(string))
            return Text(column, current);
        if (type.IsArray)
        {
            return type.GetElementType() == typeof(string)
                ? Texts(column, current)
                : Getters.Call<Delegate>(Getters.Method(typeof(Peeks), nameof(Array)), [typeof(TRow), item], column, current);
        }
        if (isVector)
            return Getters.Call<Delegate>(Getters.Method(typeof(Peeks), nameof(Vector)), [typeof(TRow), item], column, current);
        if (column.Type is KeyDataViewType key)
            return Key(column, current, key);
        return Getters.Call<Delegate>(Getters.Method(typeof(Peeks), nameof(Value)), [typeof(TRow), type], column, current);
    }

    private static ValueGetter<T> Value<TRow, T>(RowClass.Column column, Func<TRow> current)
    {
        var read = MemberAccess.Reader<TRow, T>(column.Member);
        return (ref T value) => value = read(current());
    }

    private static ValueGetter<ReadOnlyMemory<char>> Text<TRow>(RowClass.Column column, Func<TRow> current)
    {
        var read = MemberAccess.Reader<TRow, string>(column.Member);
        return (ref ReadOnlyMemory<char> value) => value = read(current()).AsMemory();
    }

    private static ValueGetter<VBuffer<ReadOnlyMemory<char>>> Texts<TRow>(RowClass.Column column, Func<TRow> current)
    {
        var read = MemberAccess.Reader<TRow, string[]>(column.Member);
        return (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var texts = read(current()) ?? [];
            var editor = VBufferEditor.Create(ref value, texts.Length);
            for (int i = 0; i < texts.Length; i++)
                editor.Values[i] = texts[i].AsMemory();
            value = editor.Commit();
        };
    }

    private static ValueGetter<VBuffer<T>> Array<TRow, T>(RowClass.Column column, Func<TRow> current)
    {
        var read = MemberAccess.Reader<TRow, T[]>(column.Member);
        return (ref VBuffer<T> value) =>
        {
            var items = read(current()) ?? [];
            VBuffer<T>.Copy(items, 0, ref value, items.Length);
        };
    }

    private static ValueGetter<VBuffer<T>> Vector<TRow, T>(RowClass.Column column, Func<TRow> current)
    {
        var read = MemberAccess.Reader<TRow, VBuffer<T>>(column.Member);
        return (ref VBuffer<T> value) => read(current()).CopyTo(ref value);
    }

    /// <summary>Keys of objects count from 0, those of views from 1; what is out of range is missing.</summary>
    private static Delegate Key<TRow>(RowClass.Column column, Func<TRow> current, KeyDataViewType key)
    {
        ulong count = key.Count;
        if (key.RawType == typeof(byte))
        {
            var read = MemberAccess.Reader<TRow, byte>(column.Member);
            return (ValueGetter<byte>)((ref byte value) => value = read(current()) is var k && k < count ? (byte)(k + 1) : (byte)0);
        }
        if (key.RawType == typeof(ushort))
        {
            var read = MemberAccess.Reader<TRow, ushort>(column.Member);
            return (ValueGetter<ushort>)((ref ushort value) => value = read(current()) is var k && k < count ? (ushort)(k + 1) : (ushort)0);
        }
        if (key.RawType == typeof(uint))
        {
            var read = MemberAccess.Reader<TRow, uint>(column.Member);
            return (ValueGetter<uint>)((ref uint value) => value = read(current()) is var k && k < count ? k + 1 : 0);
        }
        Contracts.Check(key.RawType == typeof(ulong));
        var readLong = MemberAccess.Reader<TRow, ulong>(column.Member);
        return (ValueGetter<ulong>)((ref ulong value) => value = readLong(current()) is var k && k < count ? k + 1 : 0);
    }
}
