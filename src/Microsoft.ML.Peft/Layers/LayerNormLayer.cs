using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Layer normalization over the last dimension: <c>(x − mean)/√(var + eps)·w + b</c>.</summary>
public sealed class LayerNormLayer : Layer
{
    private readonly long[] _shape;
    private readonly double _eps;

    internal LayerNormLayer(string path, int index, Tensor weight, Tensor bias, double eps)
        : base(path, index)
    {
        (Weight, Bias, _eps) = (weight, bias, eps);
        _shape = [weight.size(0)];
    }

    /// <summary>The frozen scale (dim).</summary>
    public Tensor Weight { get; }

    /// <summary>The frozen shift (dim).</summary>
    public Tensor Bias { get; }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight;

    /// <inheritdoc/>
    public override Tensor FrozenBias => Bias;

    /// <summary>x (…, dim) gives the same shape.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        if (context.Divides(this))
        {
            return context.ByRows(x, Forward);
        }

        var (weight, bias) = context.AdaptedWeights(this, x.dtype);
        return nn.functional.layer_norm(x, _shape, weight, bias, _eps);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", Weight), ("bias", Bias)];
}
