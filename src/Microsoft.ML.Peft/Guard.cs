using System.Numerics;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Peft;

/// <summary>Checks of settings at the public border, worded alike everywhere.</summary>
public static class Guard
{
    /// <summary>Refuses a value outside [<paramref name="min"/>, <paramref name="max"/>], and NaN.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is outside the range.</exception>
    public static void InRange<T>(T value, T min, T max, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : INumber<T>
    {
        if (!(value >= min && value <= max)) // written so that NaN is refused
        {
            throw new ArgumentOutOfRangeException(
                name, FormattableString.Invariant($"{name} is {value}; it must be from {min} to {max}."));
        }
    }

    /// <summary>Refuses a value below <paramref name="min"/>, NaN and infinity.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is too small or not finite.</exception>
    public static void AtLeast<T>(T value, T min, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : INumber<T>
    {
        if (!(value >= min) || !T.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(
                name, FormattableString.Invariant($"{name} is {value}; it must be a finite number of at least {min}."));
        }
    }

    /// <summary>Refuses zero, negative numbers, NaN and infinity.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is not a positive finite number.</exception>
    public static void Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value > 0) || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(
                name, FormattableString.Invariant($"{name} is {value}; it must be a finite number above 0."));
        }
    }
}
