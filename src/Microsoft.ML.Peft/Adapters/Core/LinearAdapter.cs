using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>An adapter of a linear layer: weight in, weight out, with an optional cheaper forward pass.</summary>
public abstract class LinearAdapter : LayerAdapter
{
    /// <summary>Puts the adapter on a layer, which stays as it is.</summary>
    protected LinearAdapter(LinearLayer target)
        : base(target) => Layer = target;

    /// <summary>The layer below.</summary>
    public LinearLayer Layer { get; }

    /// <summary>Input features of the layer.</summary>
    protected long InFeatures => Layer.InFeatures;

    /// <summary>Output features of the layer.</summary>
    protected long OutFeatures => Layer.OutFeatures;

    /// <summary>The base weight (out, in) as it is without any merge, for methods whose update is a function of it.</summary>
    protected Tensor OriginalWeight => MergedWeights.Original(Layer);

    /// <summary>The adapted output: x (…, in) gives (…, out). Override where there is a cheaper way than the whole weight.</summary>
    /// <param name="x">Input of the layer.</param>
    /// <param name="below">The layer with the adapters below this one.</param>
    protected internal virtual Tensor Forward(Tensor x, LayerCall below)
    {
        var bias = MaterializeBias(below.Bias());
        return nn.functional.linear(x, InTypeOf(x, Materialize(below.Weight())), bias is null ? null : InTypeOf(x, bias));
    }

    /// <summary>The layer's output with this adapter alone.</summary>
    public sealed override Tensor forward(Tensor x)
    {
        using var context = training ? ForwardContext.TrainingWith(Generator.Default) : ForwardContext.Predicting();
        return Forward(x, new LayerCall(Layer, [], context));
    }
}
