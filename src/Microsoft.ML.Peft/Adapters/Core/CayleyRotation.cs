using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Orthogonal matrices of skew-symmetric ones, in blocks: the rotations of OFT and BOFT.</summary>
internal static class CayleyRotation
{
    /// <summary><c>(I − Q)·(I + Q)⁻¹</c> of skew Q (blocks, b, b): orthogonal.</summary>
    public static Tensor Exact(Tensor skew)
    {
        var identity = eye(skew.size(-1), dtype: skew.dtype, device: skew.device);
        return linalg.solve(identity + skew, identity - skew, left: false);
    }

    /// <summary><c>I + 2Q + 2Q² + … + Qᵗ⁻¹</c>, about <c>(I + Q)·(I − Q)⁻¹</c> for small Q: the inverse of <see cref="Exact"/>.</summary>
    /// <param name="skew">Q (blocks, b, b).</param>
    /// <param name="terms">How many terms; 3 counts as 4, as in HF PEFT.</param>
    public static Tensor Neumann(Tensor skew, int terms)
    {
        var sum = eye(skew.size(-1), dtype: skew.dtype, device: skew.device).expand(skew.shape);
        if (terms > 1)
        {
            sum = sum + skew.mul(2);
        }

        if (terms > 2)
        {
            var power = skew.bmm(skew);
            sum = sum + power.mul(2);
            for (var k = 3; k < terms - 1; k++)
            {
                power = power.bmm(skew);
                sum = sum + power.mul(2);
            }

            sum = sum + power.bmm(skew);
        }

        return sum;
    }

    /// <summary>Turns each block of the features: <c>x_blk·R</c>.</summary>
    /// <param name="x">(…, blocks·b).</param>
    /// <param name="rotation">R (blocks, b, b), or (1, b, b) for every block.</param>
    public static Tensor Rotate(Tensor x, Tensor rotation)
    {
        var (shape, size) = (x.shape, rotation.size(-1));
        var blocks = x.reshape([.. shape[..^1], shape[^1] / size, size]);
        return (rotation.size(0) == 1 ? blocks.matmul(rotation[0]) : einsum("...rk,rkc->...rc", blocks, rotation)).reshape(shape);
    }
}
