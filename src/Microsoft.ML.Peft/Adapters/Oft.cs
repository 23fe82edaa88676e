using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>OFT: the inputs of a layer are turned, block by block, before the frozen weight.</summary>
/// <remarks>
/// <para><c>y = W·x̃ + b</c> with <c>x̃_blk = x_blk·R</c>; R comes from a skew-symmetric Q, exactly <c>(I − Q)·(I + Q)⁻¹</c>, or by
/// <see cref="OftOptions.NeumannTerms"/> terms of a series, which turns the other way round.</para>
/// <para>Shapes: Q as the upper triangles (blocks, b·(b − 1)/2), blocks·b = in. Trains in·(b − 1)/2 numbers, or b·(b − 1)/2 where the blocks share.</para>
/// <para>Starts as the identity: Q is 0.</para>
/// <para>Source: Qiu et al. 2023, arXiv:2306.07280, §3; blocks of the input as in HF PEFT.</para>
/// </remarks>
public sealed class Oft : LinearAdapter
{
    private readonly OftOptions _options;
    private readonly Parameter _q; // (blocks, b·(b − 1)/2), or one row that all blocks share
    private readonly long _size;
    private readonly Tensor _places; // of the upper triangle in b·b

    /// <summary>Puts OFT on a layer.</summary>
    public Oft(LinearLayer target, OftOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        _size = options.BlockCount == 0 ? Divisor(InFeatures, options.BlockSize) : InFeatures / Divisor(InFeatures, options.BlockCount);
        long[] shape = [options.BlockShare ? 1 : InFeatures / _size, _size * (_size - 1) / 2];
        _q = Trainable(options.StartsAsIdentity ? build.Initialization.Zeros(shape) : build.Initialization.Normal(0.1, shape));
        register_parameter("oft_R", _q);
        _places = CayleyRotation.UpperPlaces(_size, _q.device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
        => Turned(weight, Rotation());

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context) => Turned(weight, Rotation(context));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        return below.Forward(CayleyRotation.Rotate(x, Rotation(below.Context).to(x.dtype)));
    }

    /// <summary>Brings Q back into the sphere of the constrained variant.</summary>
    internal void Constrain()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _q.copy_(Constrained());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _places.Dispose();
        }

        base.Dispose(disposing);
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

    // W·blockdiag(R)ᵀ
    private static Tensor Turned(Tensor weight, Tensor rotation) => CayleyRotation.Rotate(weight.to(ScalarType.Float32), rotation.transpose(1, 2));

    private Tensor Rotation(ForwardContext context)
    {
        var rotation = Rotation();
        if (!context.Training || _options.BlockDropout == 0 || rotation.size(0) == 1)
        {
            return rotation;
        }

        var kept = context.Dropout(ones(rotation.size(0), 1, 1, device: rotation.device), _options.BlockDropout).gt(0);
        return where(kept, rotation, eye(_size, device: rotation.device));
    }

    private Tensor Rotation() // (blocks, b, b)
    {
        // The gradient is that of the constrained numbers, as if they were the parameters.
        var q = _options.Constrained ? _q + (Constrained() - _q).detach() : _q;
        var skew = CayleyRotation.Skew(q, _places, _size);
        return _options.UsesSeries ? CayleyRotation.Neumann(skew, _options.NeumannTerms) : CayleyRotation.Exact(skew);
    }

    private Tensor Constrained()
    {
        var limit = _options.Radius / Math.Sqrt(_q.size(0));
        var norm = _q.detach().pow(2).sum(1, keepdim: true).mul(2).sqrt(); // of the skew matrix
        return _q * where(norm.le(limit), ones_like(norm), limit / norm.clamp_min(1e-30));
    }
}
