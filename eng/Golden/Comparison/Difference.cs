using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>How far one tensor is from what was recorded: the largest difference relative to the largest recorded number.</summary>
/// <param name="What">Its name in expected.safetensors.</param>
/// <param name="Relative">The difference; infinite where shapes differ or a number is none.</param>
internal sealed record Difference(string What, double Relative)
{
    /// <summary>Up to here two tensors count as equal.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Up to here this one counts as equal.</summary>
    public double Allowed { get; init; } = Tolerance;

    /// <summary>What was computed; null where there is no tensor of the right shape.</summary>
    public Tensor? Actual { get; private init; }

    /// <summary>The number that the difference is relative to.</summary>
    public double Scale { get; private init; } = 1;

    /// <summary>True within what is allowed.</summary>
    public bool IsEqual => Relative <= Allowed; // false for NaN

    /// <summary>Compares two tensors.</summary>
    /// <param name="what">Name of the tensor.</param>
    /// <param name="expected">What was recorded.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="least">Largest number to compare with at least.</param>
    public static Difference Of(string what, Tensor expected, Tensor actual, double least = 1e-6)
    {
        if (!expected.shape.AsSpan().SequenceEqual(actual.shape))
        {
            return new(what, double.PositiveInfinity);
        }

        var (was, now) = (expected.to(ScalarType.Float64), actual.detach().to(ScalarType.Float64));
        var largest = Math.Max(Largest(was), least);
        return new(what, Largest(was - now) / largest) { Actual = now, Scale = largest };
    }

    /// <summary>The largest absolute number of a tensor.</summary>
    public static double Largest(Tensor tensor) => tensor.to(ScalarType.Float64).abs().max().item<double>();

    public override string ToString()
        => FormattableString.Invariant($"{What} {Relative:0.0e+00}{(Allowed > Tolerance ? $" (rounding alone moves it by up to {Allowed:0.0e+00})" : "")}");
}
