using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The orthonormal cosine transform DCT-II and its inverse, as matrices that are kept and as a fast transform.</summary>
/// <remarks>
/// <para><c>C[i, j] = √(2/N)·cos((2j + 1)·i·π/(2N))</c>, row 0 divided by √2, so that <c>C·Cᵀ = I</c>; a vector x has the transform C·x.</para>
/// <para>Source of the fast form: Makhoul 1980, "A fast cosine transform in one and two dimensions", IEEE ASSP 28(1).</para>
/// </remarks>
internal sealed class CosineTransform : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(long Size, string Device), Tensor> _matrices = []; // several threads predict at once

    /// <summary>C (N, N), Float32. It is kept: not to be changed or disposed.</summary>
    public Tensor Matrix(long size, Device device)
    {
        lock (_lock)
        {
            if (!_matrices.TryGetValue((size, device.ToString()), out var matrix))
            {
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                var rows = arange(size, dtype: ScalarType.Float64).unsqueeze(1);
                matrix = (rows * (rows.t() + 0.5)).mul(Math.PI / size).cos().mul(Math.Sqrt(2.0 / size));
                matrix.narrow(0, 0, 1).div_(Math.Sqrt(2));
                matrix = matrix.to(ScalarType.Float32).to(device).DetachFromDisposeScope();
                _matrices.Add((size, device.ToString()), matrix);
            }

            return matrix;
        }
    }

    /// <summary><c>C_Mᵀ·S·C_N</c> of S (M, N) by two products.</summary>
    public Tensor Invert(Tensor spectrum)
        => Matrix(spectrum.size(0), spectrum.device).t().mm(spectrum).mm(Matrix(spectrum.size(1), spectrum.device));

    /// <summary>The same by Fourier transforms: Θ(M·N·log(M·N)) in place of Θ(M·N·(M + N)).</summary>
    public static Tensor InvertFast(Tensor spectrum) => InvertRows(InvertRows(spectrum).t()).t();

    /// <summary>Frees the matrices; they are made again when they are asked for.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var matrix in _matrices.Values)
            {
                matrix.Dispose();
            }

            _matrices.Clear();
        }
    }

    // Each row is the cosine transform of the row that is wanted. That row, its even places first and then its odd ones backwards, has the
    // Fourier transform e^{iπk/2N}·(X_k − i·X_{N−k}), where X is the transform without its factors and X_N is 0.
    private static Tensor InvertRows(Tensor x)
    {
        var size = x.size(1);
        var angles = arange(size, device: x.device, dtype: ScalarType.Float64).mul(Math.PI / (2 * size));
        var turns = complex(angles.cos().to(ScalarType.Float32), angles.sin().to(ScalarType.Float32));
        var factors = full([size], Math.Sqrt(size / 2.0), ScalarType.Float32, x.device);
        factors.narrow(0, 0, 1).fill_(Math.Sqrt(size));
        var plain = x * factors;
        var backwards = cat([zeros_like(plain).narrow(1, 0, 1), plain.narrow(1, 1, size - 1).flip(1)], 1);
        var shuffled = fft.ifft(complex(plain, backwards.neg()) * turns).real;
        var places = arange(size, device: x.device, dtype: ScalarType.Int64);
        var half = places.floor_divide(2);
        return shuffled.index_select(1, where(places.remainder(2).eq(0), half, (size - 1) - half));
    }
}
