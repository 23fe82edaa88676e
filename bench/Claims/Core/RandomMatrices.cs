using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>Matrices of the synthetic tasks, from the global generator, which the caller seeds.</summary>
internal static class RandomMatrices
{
    /// <summary>An orthogonal matrix (n, n).</summary>
    public static Tensor Orthogonal(long n)
    {
        using var _ = no_grad();
        return nn.init.orthogonal_(empty(n, n));
    }

    /// <summary>A matrix (n, n) with given singular values, fewer than n for a lower rank, and random directions.</summary>
    public static Tensor WithSingularValues(long n, IReadOnlyList<double> values)
    {
        var (left, right) = (Orthogonal(n).narrow(1, 0, values.Count), Orthogonal(n).narrow(0, 0, values.Count));
        return left.mul(tensor(values.Select(v => (float)v).ToArray())).mm(right);
    }

    /// <summary>Normal numbers with the deviation 1/√columns.</summary>
    public static Tensor Dense(long rows, long columns) => randn(rows, columns).div_(Math.Sqrt(columns));

    /// <summary>‖left − right‖²/‖reference‖², which is the relative squared error of the outputs for white inputs.</summary>
    public static double RelativeError(Tensor left, Tensor right, Tensor reference)
        => left.sub(right).square().sum().item<float>() / reference.square().sum().item<float>();
}
