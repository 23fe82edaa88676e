using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>Comparison of tensors by the largest difference relative to the largest expected number.</summary>
internal static class Close
{
    public const double Tolerance = 1e-4;

    /// <param name="expected">Any shape.</param>
    /// <param name="actual">The same shape.</param>
    /// <param name="what">What is compared.</param>
    /// <param name="tolerance">Of a difference, relative to the largest expected number.</param>
    /// <param name="share">Of the rows, by the first dimension, that have to be within it.</param>
    public static void Assert(Tensor expected, Tensor actual, string what, double tolerance = Tolerance, double share = 1)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, what);
        var rows = expected.dim() == 0 ? 1 : expected.size(0);
        var differences = (expected - actual).abs().reshape(rows, -1).amax(1).to(ScalarType.Float64).data<double>().ToArray();
        var scale = Math.Max(expected.abs().max().to(ScalarType.Float64).item<double>(), 1e-6);
        var near = differences.Count(d => d <= tolerance * scale); // NaN is not near
        if (near < share * differences.Length)
        {
            throw new AssertFailedException(
                $"{what}: largest difference {differences.Max()}, largest number {scale}, {near} of {differences.Length} rows within {tolerance * scale}.");
        }
    }
}
