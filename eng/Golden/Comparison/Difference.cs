using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>How far one tensor is from what was recorded: the largest difference relative to the largest recorded number.</summary>
/// <param name="What">Its name in expected.safetensors.</param>
/// <param name="Relative">The difference; infinite where shapes differ or a number is none.</param>
internal sealed record Difference(string What, double Relative)
{
    /// <summary>Up to here two tensors count as equal.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>True within the tolerance.</summary>
    public bool IsEqual => Relative <= Tolerance; // false for NaN

    public static Difference Of(string what, Tensor expected, Tensor actual)
    {
        if (!expected.shape.AsSpan().SequenceEqual(actual.shape))
        {
            return new(what, double.PositiveInfinity);
        }

        var (was, now) = (expected.to(ScalarType.Float64), actual.detach().to(ScalarType.Float64));
        var largest = Math.Max(was.abs().max().item<double>(), 1e-6);
        return new(what, (was - now).abs().max().item<double>() / largest);
    }

    public override string ToString() => FormattableString.Invariant($"{What} {Relative:0.0e+00}");
}
