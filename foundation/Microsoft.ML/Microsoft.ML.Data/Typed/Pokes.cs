using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>Actions that write a column's value at the current row into an object.</summary>
internal static class Pokes
{
    public static Action<TRow> Create<TRow>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var type = MemberTypes.TypeOf(member);
        var item = MemberTypes.ItemOf(type, out bool isVector);
        if (type == typeof(string))
            return Text<TRow>(row, column, member);
        if (type.IsArray)
        {
            return type.GetElementType() == typeof(string)
                ? Texts<TRow>(row, column, member)
                : Getters.Call<Action<TRow>>(Getters.Method(typeof(Pokes), nameof(Array)), [typeof(TRow), item], row, column, member);
        }
        if (isVector)
            return Getters.Call<Action<TRow>>(Getters.Method(typeof(Pokes), nameof(Vector)), [typeof(TRow), item], row, column, member);
        return Getters.Call<Action<TRow>>(Getters.Method(typeof(Pokes), nameof(Value)), [typeof(TRow), type], row, column, member);
    }

    private static Action<TRow> Value<TRow, T>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var getter = row.GetGetter<T>(column);
        var write = MemberAccess.Writer<TRow, T>(member);
        T value = default;
        return target =>
        {
            getter(ref value);
            write(target, value);
        };
    }

    private static Action<TRow> Text<TRow>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var getter = row.GetGetter<ReadOnlyMemory<char>>(column);
        var write = MemberAccess.Writer<TRow, string>(member);
        ReadOnlyMemory<char> value = default;
        return target =>
        {
            getter(ref value);
            write(target, value.ToString());
        };
    }

    private static Action<TRow> Texts<TRow>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var getter = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
        var write = MemberAccess.Writer<TRow, string[]>(member);
        VBuffer<ReadOnlyMemory<char>> value = default;
        return target =>
        {
            getter(ref value);
            var texts = new string[value.Length];
            System.Array.Fill(texts, "");
            foreach (var (index, text) in value.Items())
                texts[index] = text.ToString();
            write(target, texts);
        };
    }

    private static Action<TRow> Array<TRow, T>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        var read = member is FieldInfo or PropertyInfo { GetMethod.IsPublic: true } ? MemberAccess.Reader<TRow, T[]>(member) : null;
        var write = MemberAccess.Writer<TRow, T[]>(member);
        VBuffer<T> value = default;
        return target =>
        {
            getter(ref value);
            // An object that is used again keeps its array where the length fits.
            var items = read?.Invoke(target);
            if ((items?.Length ?? 0) != value.Length)
                items = new T[value.Length];
            value.CopyTo(items);
            write(target, items);
        };
    }

    private static Action<TRow> Vector<TRow, T>(DataViewRow row, DataViewSchema.Column column, MemberInfo member)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        var write = MemberAccess.Writer<TRow, VBuffer<T>>(member);
        VBuffer<T> value = default;
        return target =>
        {
            getter(ref value);
            VBuffer<T> copy = default;
            value.CopyTo(ref copy);
            write(target, copy);
        };
    }
}
