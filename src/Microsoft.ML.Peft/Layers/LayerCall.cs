using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A layer together with the adapters that are active on it in this call, from the base outwards.</summary>
/// <remarks>Each adapter is given the call that is below it and decides what to do with its output, so that additive,
/// multiplicative and replacing methods stack in any order. The whole stack is visible, so that a fused kernel may
/// take a known pattern over.</remarks>
public readonly struct LayerCall
{
    private readonly IReadOnlyList<LayerAdapter> _adapters;
    private readonly int _depth; // how many of the adapters are in effect

    internal LayerCall(LinearLayer layer, IReadOnlyList<LayerAdapter> adapters, ForwardContext context)
        : this(layer, adapters, adapters.Count, context)
    {
    }

    private LayerCall(LinearLayer layer, IReadOnlyList<LayerAdapter> adapters, int depth, ForwardContext context)
    {
        Layer = layer;
        _adapters = adapters;
        _depth = depth;
        Context = context;
    }

    /// <summary>The layer that is called.</summary>
    public LinearLayer Layer { get; }

    /// <summary>What comes with the call.</summary>
    public ForwardContext Context { get; }

    /// <summary>True where no adapter is in effect below.</summary>
    public bool IsBase => _depth == 0;

    /// <summary>True where the adapters below leave the weight as it is.</summary>
    public bool KeepsWeight => _adapters.Take(_depth).All(adapter => adapter.KeepsWeight);

    /// <summary>x (…, in) gives (…, out), adapters included.</summary>
    public Tensor Forward(Tensor x)
        => _depth == 0
            ? Layer.Weight.Multiply(x, Layer.Bias)
            : ((LinearAdapter)_adapters[_depth - 1]).Forward(x, new LayerCall(Layer, _adapters, _depth - 1, Context));

    /// <summary>The weight (out, in) that the adapters of the call make of the base weight.</summary>
    public Tensor Weight()
    {
        var weight = Layer.Weight.Dense();
        for (var k = 0; k < _depth; k++)
        {
            weight = _adapters[k].Materialize(weight);
        }

        return weight;
    }

    /// <summary>The bias (out) that the adapters of the call make of the base bias, or null.</summary>
    public Tensor? Bias()
    {
        var bias = Layer.Bias;
        for (var k = 0; k < _depth; k++)
        {
            bias = _adapters[k].MaterializeBias(bias);
        }

        return bias;
    }
}
