using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Quantization;

/// <summary>NormalFloat of 4 bits (NF4): each block of numbers by its largest magnitude and one of 16 levels a number.</summary>
/// <remarks>
/// <para><c>x̂ = m·level(q)</c>, <c>q = argmin_k |x/m − level(k)|</c>, with m the largest magnitude of the block of 64 that x is in. The levels are quantiles of the
/// normal law between −1 and 1, with an exact 0.</para>
/// <para>The layout is that of bitsandbytes: numbers in row-major order, two to a byte, the first one in the upper half.</para>
/// <para>Source: Dettmers et al. 2023, arXiv:2305.14314, §3 and appendix E.</para>
/// </remarks>
public static class Nf4
{
    /// <summary>Numbers that share a scale.</summary>
    public const int BlockSize = 64;

    private static readonly float[] s_levels =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    private static readonly float[] s_bounds = [.. s_levels.Zip(s_levels.Skip(1), (low, high) => (float)(((double)low + high) / 2))];

    /// <summary>The 16 levels, in rising order.</summary>
    public static IReadOnlyList<float> Levels => s_levels;

    /// <summary>Quantises numbers of any shape.</summary>
    /// <exception cref="ArgumentException">There are no numbers.</exception>
    public static Nf4Numbers Quantize(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var count = values.numel();
        if (count == 0)
        {
            throw new ArgumentException("The tensor has no numbers; NF4 needs at least one.", nameof(values));
        }

        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var flat = values.detach().to(ScalarType.Float32).reshape(-1);
        var missing = ((count + BlockSize - 1) / BlockSize * BlockSize) - count;
        var blocks = (missing == 0 ? flat : cat([flat, zeros(missing, device: flat.device)])).view(-1, BlockSize);
        var scales = blocks.abs().amax([1], keepdim: true); // (blocks, 1)
        // A block of zeros has no scale to divide by; its numbers get the level 0.
        var shares = blocks * scales.where(scales > 0, ones_like(scales)).reciprocal();
        var codes = bucketize(shares, tensor(s_bounds, device: flat.device)).to(ScalarType.Byte).view(-1, 2);
        var packed = codes.select(1, 0).mul(16).add(codes.select(1, 1)).narrow(0, 0, (count + 1) / 2);
        return new(packed.clone().MoveToOuterDisposeScope(), scales.view(-1).clone().MoveToOuterDisposeScope(), values.shape);
    }

    internal static Tensor Numbers(Tensor codes, Tensor scales, long count)
    {
        var high = codes.div(16, RoundingMode.floor);
        var pairs = stack([high, codes - high.mul(16)], 1).view(-1).to(ScalarType.Int64);
        var numbers = tensor(s_levels, device: codes.device).index_select(0, pairs).narrow(0, 0, count);
        return numbers.mul(scales.repeat_interleave(BlockSize).narrow(0, 0, count));
    }
}

/// <summary>Numbers quantised by <see cref="Nf4"/>.</summary>
public sealed class Nf4Numbers : IDisposable
{
    private readonly long[] _shape;

    internal Nf4Numbers(Tensor codes, Tensor scales, long[] shape) => (Codes, Scales, _shape) = (codes, scales, shape);

    /// <summary>Two codes to a byte (⌈n/2⌉).</summary>
    public Tensor Codes { get; }

    /// <summary>The largest magnitude of each block (⌈n/64⌉), Float32.</summary>
    public Tensor Scales { get; }

    /// <summary>The numbers again, in their shape.</summary>
    public Tensor Dequantize()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Nf4.Numbers(Codes, Scales, _shape.Aggregate(1L, (product, size) => product * size)).view(_shape).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }
}
