using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Orthogonal matrices of skew-symmetric ones, in blocks: the rotations of OFT and BOFT.</summary>
internal static class CayleyRotation
{
    /// <summary>Places (b·(b − 1)/2) of the numbers above the diagonal in the flat form of a matrix (b, b), row after row.</summary>
    public static Tensor UpperPlaces(long size, Device device)
    {
        var places = new List<long>();
        for (var row = 0L; row < size; row++)
        {
            for (var column = row + 1; column < size; column++)
            {
                places.Add((row * size) + column);
            }
        }

        return tensor(places.ToArray(), device: device);
    }

    /// <summary>Skew-symmetric matrices (blocks, b, b) of what stands above their diagonals.</summary>
    /// <param name="upper">(blocks, b·(b − 1)/2).</param>
    /// <param name="places"><see cref="UpperPlaces"/> of the size.</param>
    /// <param name="size">b.</param>
    public static Tensor Skew(Tensor upper, Tensor places, long size)
    {
        var above = zeros(upper.size(0), size * size, device: upper.device).index_add(1, places, upper, 1).view(-1, size, size);
        return above - above.transpose(1, 2);
    }

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
