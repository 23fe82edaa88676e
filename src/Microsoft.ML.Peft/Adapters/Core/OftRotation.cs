using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The rotations of OFT: the trained skew-symmetric Q of one layer and the blocks R that come of it.</summary>
internal sealed class OftRotation
{
    private readonly OftOptions _options;
    private readonly Parameter _q; // (blocks, b·(b − 1)/2), or one row that all blocks share
    private readonly long _size;
    private readonly Tensor _places; // of the upper triangle in b·b

    /// <summary>Makes Q for a count of features and registers it.</summary>
    /// <param name="owner">The module that trains and keeps it.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="features">What is turned.</param>
    /// <param name="options">Blocks and start.</param>
    /// <param name="build">The stream of start values.</param>
    public OftRotation(nn.Module owner, string name, long features, OftOptions options, AdapterBuild build)
    {
        _options = options;
        _size = options.BlockCount == 0 ? Divisor(features, options.BlockSize) : features / Divisor(features, options.BlockCount);
        long[] shape = [options.BlockShare ? 1 : features / _size, _size * (_size - 1) / 2];
        _q = new Parameter(options.StartsAsIdentity ? build.Initialization.Zeros(shape) : build.Initialization.Normal(0.1, shape));
        _q.DetachFromDisposeScope();
        owner.register_parameter(name, _q);
        _places = CayleyRotation.UpperPlaces(_size, _q.device).DetachFromDisposeScope();
        owner.register_buffer(name + "_places", _places, persistent: false);
    }

    /// <summary>Brings Q back into the sphere of the constrained variant.</summary>
    public void Constrain()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _q.copy_(Constrained());
    }

    /// <summary>R (blocks, b, b), or (1, b, b) for every block.</summary>
    public Tensor Blocks()
    {
        // The gradient is that of the constrained numbers, as if they were the parameters.
        var q = _options.Constrained ? _q + (Constrained() - _q).detach() : _q;
        var skew = CayleyRotation.Skew(q, _places, _size);
        return _options.UsesSeries ? CayleyRotation.Neumann(skew, _options.NeumannTerms) : CayleyRotation.Exact(skew);
    }

    /// <summary>The same in a pass, which may leave blocks as they are while it trains.</summary>
    public Tensor Blocks(ForwardContext context)
    {
        var rotation = Blocks();
        if (!context.Training || _options.BlockDropout == 0 || rotation.size(0) == 1)
        {
            return rotation;
        }

        var kept = context.Dropout(ones(rotation.size(0), 1, 1, device: rotation.device), _options.BlockDropout).gt(0);
        return where(kept, rotation, eye(_size, device: rotation.device));
    }

    /// <summary>The divisor nearest to a wish, the smaller of two, as HF PEFT takes it.</summary>
    internal static long Divisor(long size, long wish)
    {
        if (wish >= size)
        {
            return size;
        }

        var (lower, higher) = (wish, wish);
        while (size % lower != 0)
        {
            lower--;
        }

        while (size % higher != 0)
        {
            higher++;
        }

        return wish - lower <= higher - wish ? lower : higher;
    }

    private Tensor Constrained()
    {
        var limit = _options.Radius / Math.Sqrt(_q.size(0));
        var norm = _q.detach().pow(2).sum(1, keepdim: true).mul(2).sqrt(); // of the skew matrix
        return _q * where(norm.le(limit), ones_like(norm), limit / norm.clamp_min(1e-30));
    }
}
