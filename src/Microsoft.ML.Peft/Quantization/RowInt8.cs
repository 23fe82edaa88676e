using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Quantization;

/// <summary>Integers of 8 bits, each row of a matrix by its largest magnitude.</summary>
/// <remarks><c>x̂ = m·q/127</c>, <c>q = round(127·x/m)</c>. Source: Dettmers et al. 2022, arXiv:2208.07339, §2.1.</remarks>
public static class RowInt8
{
    /// <summary>The codes (rows, columns), Int8, and the largest magnitude of each row (rows, 1), Float32.</summary>
    /// <param name="matrix">(rows, columns).</param>
    public static (Tensor Codes, Tensor Scales) Quantize(Tensor matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var numbers = matrix.detach().to(ScalarType.Float32);
        var scales = numbers.abs().amax([1], keepdim: true);
        var codes = numbers.mul(scales.where(scales > 0, ones_like(scales)).reciprocal().mul(127)).round().to(ScalarType.Int8);
        return (codes.MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    /// <summary>The numbers again (rows, columns), Float32.</summary>
    public static Tensor Dequantize(Tensor codes, Tensor scales)
    {
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(scales);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return codes.to(ScalarType.Float32).mul(scales).div(127).MoveToOuterDisposeScope();
    }
}
