using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A table together with the adapters that are active on it in this call, from the base outwards; as <see cref="LayerCall"/>.</summary>
public readonly struct EmbeddingCall
{
    private readonly IReadOnlyList<LayerAdapter> _adapters;
    private readonly int _depth; // how many of the adapters are in effect

    internal EmbeddingCall(EmbeddingLayer layer, IReadOnlyList<LayerAdapter> adapters, ForwardContext context)
        : this(layer, adapters, adapters.Count, context)
    {
    }

    private EmbeddingCall(EmbeddingLayer layer, IReadOnlyList<LayerAdapter> adapters, int depth, ForwardContext context)
        => (Layer, _adapters, _depth, Context) = (layer, adapters, depth, context);

    /// <summary>The table that is called.</summary>
    public EmbeddingLayer Layer { get; }

    /// <summary>What comes with the call.</summary>
    public ForwardContext Context { get; }

    /// <summary>ids (n) gives (n, dim), adapters included.</summary>
    public Tensor Forward(Tensor ids)
        => _depth == 0
            ? Layer.Weight.index_select(0, ids)
            : ((EmbeddingAdapter)_adapters[_depth - 1]).Forward(ids, new EmbeddingCall(Layer, _adapters, _depth - 1, Context));

    /// <summary>The table (rows, dim) that the adapters of the call make of the base table.</summary>
    public Tensor Weight()
    {
        var weight = Layer.Weight;
        for (var k = 0; k < _depth; k++)
        {
            weight = _adapters[k].Materialize(weight);
        }

        return weight;
    }
}
