namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The range of a number that an automatic search tries; it starts from the value that the setting has.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SearchRangeAttribute : Attribute
{
    /// <summary>Numbers from <paramref name="min"/> to <paramref name="max"/>.</summary>
    /// <param name="min">Lowest number to try; above 0 for a logarithmic scale.</param>
    /// <param name="max">Highest number to try, above <paramref name="min"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="max"/> is not above <paramref name="min"/>.</exception>
    public SearchRangeAttribute(double min, double max)
    {
        if (!(max > min))
        {
            throw new ArgumentOutOfRangeException(nameof(max), $"max is {max}; it must be above min, {min}.");
        }

        (Min, Max) = (min, max);
    }

    /// <summary>Lowest number to try.</summary>
    public double Min { get; }

    /// <summary>Highest number to try.</summary>
    public double Max { get; }

    /// <summary>True for even steps of the logarithm, as learning rates want. Default false.</summary>
    public bool Logarithmic { get; init; }
}

/// <summary>The values of a setting that an automatic search tries; it starts from the one that the setting has.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SearchChoicesAttribute : Attribute
{
    /// <summary>These values.</summary>
    /// <param name="values">Numbers, booleans or texts of the setting's type.</param>
    public SearchChoicesAttribute(params object[] values) => Values = values;

    /// <summary>The values to try.</summary>
    public IReadOnlyList<object> Values { get; }
}
