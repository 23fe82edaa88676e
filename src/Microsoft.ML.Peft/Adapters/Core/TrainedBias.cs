using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The bias of a linear layer, trained as a copy: HF PEFT's <c>bias</c> setting.</summary>
public sealed class TrainedBias : LinearAdapter
{
    private readonly Parameter bias; // (out)
    private readonly string _name;

    internal TrainedBias(LinearLayer target, string name)
        : base(target)
    {
        _name = name;
        bias = Trainable(target.Bias!.to(ScalarType.Float32, copy: true));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _name;

    /// <inheritdoc/>
    protected internal override bool KeepsWeight => true;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight;

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? below) => bias;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
        => below.IsBase ? Layer.Weight.Multiply(x, InTypeOf(x, bias)) : below.Forward(x) + InTypeOf(x, bias - below.Bias()!);

    /// <summary>A part that trains the bias of a layer, or null for a layer without one.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="adapted">True where the method goes on the layer too: HF PEFT then calls the bias <c>base_layer.bias</c>.</param>
    internal static LayerAdapter? Of(Layer layer, bool adapted)
    {
        var name = adapted ? "base_layer.bias" : "bias";
        return layer.FrozenBias is null ? null
            : layer is LinearLayer linear ? new TrainedBias(linear, name)
            : new OfWeights(layer, name);
    }

    private sealed class OfWeights : WeightAdapter
    {
        private readonly Parameter bias;
        private readonly string _name;

        public OfWeights(Layer target, string name)
            : base(target)
        {
            _name = name;
            bias = Trainable(target.FrozenBias!.to(ScalarType.Float32, copy: true));
            RegisterComponents();
        }

        protected internal override string FileName(string parameter) => _name;

        protected internal override Tensor Materialize(Tensor weight) => weight;

        protected internal override Tensor? MaterializeBias(Tensor? below) => bias;
    }
}
