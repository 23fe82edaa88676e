using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Normalization of groups of channels over time: <c>(x − mean)/√(var + eps)·w + b</c>, mean and variance per row and group.</summary>
public sealed class GroupNormLayer : Layer
{
    private readonly long _groups;
    private readonly double _eps;

    internal GroupNormLayer(string path, int index, Tensor weight, Tensor bias, long groups, double eps)
        : base(path, index) => (Weight, Bias, _groups, _eps) = (weight, bias, groups, eps);

    /// <summary>The frozen scale (channels).</summary>
    public Tensor Weight { get; }

    /// <summary>The frozen shift (channels).</summary>
    public Tensor Bias { get; }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight;

    /// <inheritdoc/>
    public override Tensor FrozenBias => Bias;

    /// <summary>x (batch, channels, …) gives the same shape.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        if (context.Divides(this))
        {
            return context.ByRows(x, Forward);
        }

        var (weight, bias) = context.AdaptedWeights(this, x.dtype);
        return nn.functional.group_norm(x, _groups, weight, bias, _eps);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", Weight), ("bias", Bias)];
}
