using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>Comparison of tensors by the largest difference relative to the largest expected number.</summary>
internal static class Close
{
    public const double Tolerance = 1e-4;

    public static void Assert(Tensor expected, Tensor actual, string what, double tolerance = Tolerance)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, what);
        var difference = (expected - actual).abs().max().item<float>();
        var scale = Math.Max(expected.abs().max().item<float>(), 1e-6f);
        if (!(difference <= tolerance * scale)) // written so that NaN fails
        {
            throw new AssertFailedException($"{what}: largest difference {difference}, largest number {scale}.");
        }
    }
}
