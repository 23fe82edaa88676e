using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Root-mean-square normalization over the last dimension: <c>x/√(mean(x²) + eps)·(w + offset)</c>.</summary>
public sealed class RmsNormLayer : Layer
{
    private static readonly long[] s_last = [-1];
    private readonly double _eps;
    private readonly double _offset;

    internal RmsNormLayer(string path, int index, Tensor weight, double eps, double offset)
        : base(path, index)
        => (Weight, _eps, _offset) = (weight, eps, offset);

    /// <summary>The frozen scale (dim) as stored, without the offset.</summary>
    public Tensor Weight { get; }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight;

    /// <summary>x (…, dim) gives the same shape.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        if (context.Divides(this))
        {
            return context.ByRows(x, Forward);
        }

        var (weight, bias) = context.AdaptedWeights(this, x.dtype);
        var scale = _offset == 0 ? weight : weight.add(_offset);
        var normed = x.mul(x.square().mean(s_last, keepdim: true).add_(_eps).rsqrt()).mul(scale);
        return bias is null ? normed : normed.add(bias);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", Weight)];
}
