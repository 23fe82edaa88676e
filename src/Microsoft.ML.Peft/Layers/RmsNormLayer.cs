using Microsoft.ML.Peft.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Root-mean-square normalization over the last dimension: <c>x/√(mean(x²) + eps)·(w + offset)</c>.</summary>
public sealed class RmsNormLayer : Layer
{
    private static readonly long[] s_last = [-1];
    private readonly double _eps;

    internal RmsNormLayer(string path, int index, Tensor weight, double eps, double offset)
        : base(path, index)
        => (Weight, _eps, Offset) = (weight, eps, offset);

    /// <summary>The frozen scale (dim) as stored, without the offset.</summary>
    public Tensor Weight { get; }

    /// <summary>What is added to the stored scale: 1 in Gemma, else 0.</summary>
    public double Offset { get; }

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
        var normed = Scaled(x, weight);
        return bias is null ? normed : normed.add(bias);
    }

    private Tensor Scaled(Tensor x, Tensor weight)
    {
        if (x.is_cuda && Offset == 0 && BoxedOperators.RmsNorm is { } fused)
        {
            return fused.Call(x, BoxedArgument.Size(Weight.size(0)), weight, _eps);
        }

        if (x.dtype == ScalarType.Float32)
        {
            return Normalize(x).mul(Offset == 0 ? weight : weight.add(Offset));
        }

        // The norm in Float32, as Hugging Face's models compute it; what they add an offset to is scaled in Float32 too.
        var normed = Normalize(x.to(ScalarType.Float32));
        return Offset == 0 ? normed.to(x.dtype).mul(weight) : normed.mul(weight.to(ScalarType.Float32).add(Offset)).to(x.dtype);

        Tensor Normalize(Tensor y) => y.mul(y.square().mean(s_last, keepdim: true).add_(_eps).rsqrt());
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", Weight)];
}
