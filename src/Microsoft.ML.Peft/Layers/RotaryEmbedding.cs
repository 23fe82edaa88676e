using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Rotary position embedding: turns pairs of features of queries and keys by an angle that grows with the position.</summary>
/// <remarks>
/// <para>Pair i of a head at position p: (a, b) → (a·cos(p·fᵢ) − b·sin(p·fᵢ), b·cos(p·fᵢ) + a·sin(p·fᵢ)).</para>
/// <para>The pairs are (i, i + n/2), as in LLaMA, or (2i, 2i + 1), as in GPT-J; features from n on are left as they are.</para>
/// <para>Source: Su et al. 2021, arXiv:2104.09864.</para>
/// </remarks>
internal sealed class RotaryEmbedding
{
    private readonly RotaryFrequencies _frequencies;
    private readonly ConstantNumbers _usual;
    private readonly int _pairs; // n/2
    private readonly bool _neighbours;

    /// <summary>Takes the frequency of each pair.</summary>
    /// <param name="frequencies">Radians a position, one for each pair.</param>
    /// <param name="neighbours">True where a pair is two neighbours.</param>
    public RotaryEmbedding(RotaryFrequencies frequencies, bool neighbours = false)
        => (_frequencies, _usual, _pairs, _neighbours) = (frequencies, new(frequencies.Usual), frequencies.Usual.Length, neighbours);

    /// <summary>True if an input of this length is turned otherwise than a shorter one, so that stored keys are of no use to it.</summary>
    public bool ForgetsAt(long length) => _frequencies.TwoSets && length == _frequencies.UsualLength + 1;

    /// <summary>Cosines and sines of positions (length), or (batch·length) that differ by row.</summary>
    /// <param name="positions">The positions, on the device of the pass.</param>
    /// <param name="length">Tokens of each row.</param>
    /// <param name="keys">Length of the whole input, earlier tokens included.</param>
    /// <param name="precision">Type of what is turned. Default Float32; the angles themselves are computed in Float32.</param>
    public RotaryAngles Angles(Tensor positions, long length, long keys, ScalarType precision = ScalarType.Float32)
    {
        var device = positions.device;
        var frequencies = keys > _frequencies.UsualLength ? tensor(_frequencies.Of(keys), device: device) : _usual.On(device);
        var angles = outer(positions.to(ScalarType.Float32), frequencies).view(-1, length, 1, _pairs);
        var scale = (float)_frequencies.Scale;
        var (cosines, sines) = (angles.cos(), angles.sin());
        return scale == 1 ? new(cosines.to(precision), sines.to(precision)) : new(cosines.mul_(scale).to(precision), sines.mul_(scale).to(precision));
    }

    /// <summary>Turns x (batch·length, heads·d).</summary>
    public Tensor Apply(Tensor x, RotaryAngles angles, long batch, long length, long heads, long size)
    {
        var half = _pairs;
        var byHead = x.view(batch, length, heads, size);
        var turned = 2 * half == size ? byHead : byHead.narrow(3, 0, 2 * half);
        Tensor a, b;
        if (_neighbours)
        {
            var pairs = turned.unflatten(3, half, 2);
            (a, b) = (pairs.select(4, 0), pairs.select(4, 1));
        }
        else
        {
            (a, b) = (turned.narrow(3, 0, half), turned.narrow(3, half, half));
        }

        var first = a.mul(angles.Cosines).addcmul(b, angles.Sines, -1);
        var second = b.mul(angles.Cosines).addcmul(a, angles.Sines, 1);
        var done = _neighbours ? stack([first, second], -1).flatten(3) : cat([first, second], 3);
        if (2 * half < size)
        {
            done = cat([done, byHead.narrow(3, 2 * half, size - (2 * half))], 3);
        }

        return done.view(batch * length, heads * size);
    }
}

/// <summary>Cosines and sines of a pass, (1 or batch, length, 1, pairs) each.</summary>
internal readonly record struct RotaryAngles(Tensor Cosines, Tensor Sines);
