using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A method that adds to the weight.</summary>
public abstract class AdditiveAdapter : LinearAdapter
{
    /// <summary>Puts the adapter on a layer.</summary>
    protected AdditiveAdapter(LinearLayer target)
        : base(target)
    {
    }

    /// <summary>What the method adds to the weight: (out, in).</summary>
    protected internal abstract Tensor Delta();

    /// <summary>What the method adds to the output: x (…, in) gives (…, out).</summary>
    protected virtual Tensor Correction(Tensor x, ForwardContext context) => nn.functional.linear(x, InTypeOf(x, Delta()));

    /// <inheritdoc/>
    protected internal sealed override Tensor Materialize(Tensor weight) => weight + Delta();

    /// <inheritdoc/>
    protected internal sealed override Tensor Forward(Tensor x, LayerCall below)
        => AddTo(below.Forward(x), x, below.Context);

    /// <summary>Adds what the method adds to any output, also at another layer of the same size.</summary>
    internal Tensor AddOf(Tensor output, Tensor x, ForwardContext context) => AddTo(output, x, context);

    /// <summary>Adds <see cref="Correction"/> to the output below. Override where one operator can do both.</summary>
    protected virtual Tensor AddTo(Tensor output, Tensor x, ForwardContext context) => output + Correction(x, context);
}
