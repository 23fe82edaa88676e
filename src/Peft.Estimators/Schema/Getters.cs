using Microsoft.ML;

namespace Peft.Estimators.Schema;

/// <summary>Hands out getters in the type that the caller asks for.</summary>
internal static class Getters
{
    /// <exception cref="InvalidOperationException">The column holds values of another type.</exception>
    public static ValueGetter<TValue> As<TValue>(Delegate getter, DataViewSchema.Column column)
        => getter as ValueGetter<TValue> ?? throw new InvalidOperationException(
            $"Column '{column.Name}' holds values of type {column.Type.RawType}, not {typeof(TValue)}.");
}
