using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Getters whose value type is known only at run time.</summary>
internal static class Getters
{
    private static readonly MethodInfo OfMethod = typeof(Getters).GetMethod(nameof(OfT), BindingFlags.Static | BindingFlags.NonPublic);

    /// <summary>The getter as one of this type, or the error of asking for another.</summary>
    public static ValueGetter<T> As<T>(Delegate getter) => getter as ValueGetter<T>
        ?? throw Contracts.Except($"Invalid TValue in GetGetter: '{typeof(T)}', expected type: '{getter.GetType().GetGenericArguments()[0]}'.");

    public static Delegate Of(DataViewRow row, DataViewSchema.Column column) => Call<Delegate>(OfMethod, column.Type.RawType, row, column);

    private static Delegate OfT<T>(DataViewRow row, DataViewSchema.Column column) => row.GetGetter<T>(column);

    /// <summary>Calls a static generic method of one type argument, giving its own exceptions.</summary>
    public static TResult Call<TResult>(MethodInfo method, Type argument, params object[] arguments) =>
        (TResult)method.MakeGenericMethod(argument).Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    public static TResult Call<TResult>(MethodInfo method, Type[] types, params object[] arguments) =>
        (TResult)method.MakeGenericMethod(types).Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    public static MethodInfo Method(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly);

    public static void CopyText(in VBuffer<ReadOnlyMemory<char>> source, ref VBuffer<ReadOnlyMemory<char>> destination) => source.CopyTo(ref destination);
}
