using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A method that computes the whole weight anew, out of thin factors of its own, and starts it as the base weight.</summary>
/// <remarks>On a layer with other adapters it adds what its weight differs from the base weight.</remarks>
public abstract class WholeWeightAdapter : LinearAdapter
{
    /// <summary>Puts the adapter on a layer.</summary>
    protected WholeWeightAdapter(LinearLayer target)
        : base(target)
    {
    }

    /// <summary>The method's weight (out, in).</summary>
    protected internal abstract Tensor Weight();

    /// <summary>x (…, in) times the method's weight, without a bias: (…, out).</summary>
    protected abstract Tensor Multiply(Tensor x, ForwardContext context);

    /// <inheritdoc/>
    protected internal sealed override Tensor Materialize(Tensor weight) => weight + (Weight() - OriginalWeight);

    /// <inheritdoc/>
    protected internal sealed override Tensor Forward(Tensor x, LayerCall below)
    {
        var y = Multiply(x, below.Context);
        if (!below.IsBase)
        {
            return below.Forward(x) + (y - Layer.Weight.Multiply(x, null));
        }

        return Layer.Bias is { } bias ? y + bias : y;
    }
}
