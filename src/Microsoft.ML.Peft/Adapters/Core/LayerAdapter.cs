using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>An adapter of a layer: weight in, weight out.</summary>
public abstract class LayerAdapter : Adapter
{
    private protected LayerAdapter(Layer target)
        : base(target.Path) => Target = target;

    /// <summary>The layer below.</summary>
    public Layer Target { get; }

    /// <summary>False where another layer's merge changes this layer too. Default true.</summary>
    protected internal virtual bool MergesByItself => true;

    /// <summary>True where a merge may give a linear layer without a bias one, which goes when it is undone. Default false: such a merge is refused, as HF PEFT does.</summary>
    protected internal virtual bool GivesBias => false;

    /// <summary>True for a part that leaves the weight as it is. Default false.</summary>
    protected internal virtual bool KeepsWeight => false;

    /// <summary>The weight that the adapter makes of the weight below it, in the layer's own shape.</summary>
    protected internal abstract Tensor Materialize(Tensor weight);

    /// <summary>The same in a forward pass, which may drop parts of the update while it trains. Default: without a difference.</summary>
    protected internal virtual Tensor Materialize(Tensor weight, ForwardContext context) => Materialize(weight);

    /// <summary>The bias (out) that the adapter makes of the bias below it. Default: the same.</summary>
    protected internal virtual Tensor? MaterializeBias(Tensor? bias) => bias;

    /// <summary>True if weight and bias are those of the base layer, to the last bit.</summary>
    protected internal virtual bool ChangesNothing()
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (Target.FrozenWeight!, Target.FrozenBias);
        return Largest(Materialize(weight).sub(weight)) == 0
            && (MaterializeBias(bias) is not { } moved || ReferenceEquals(moved, bias) || (bias is not null && Largest(moved.sub(bias)) == 0));

        // A part that keeps the type of the base may give a BFloat16.
        static float Largest(Tensor difference) => difference.abs().max().to(ScalarType.Float32).item<float>();
    }
}

/// <summary>An adapter of a norm or a convolution, which computes with the changed weight.</summary>
public abstract class WeightAdapter : LayerAdapter
{
    /// <summary>Puts the adapter on a layer, which stays as it is.</summary>
    protected WeightAdapter(Layer target)
        : base(target)
    {
    }

    /// <summary>What the adapter makes of the input of a <see cref="PatchLayer"/>, in the same shape. Default: the same.</summary>
    /// <param name="x">(batch, channels, height, width).</param>
    /// <param name="context">The context of the pass.</param>
    protected internal virtual Tensor MaterializeInput(Tensor x, ForwardContext context) => x;

    /// <summary>What the adapter adds to the output of a convolution beside that of the changed weight: a kernel in the shape of the weight, with an input of its own. Default: nothing.</summary>
    /// <param name="x">The input of the convolution.</param>
    /// <param name="context">The context of the pass; <see cref="LayerAdapter.Materialize(Tensor, ForwardContext)"/> leaves out of the weight what is added here.</param>
    protected internal virtual (Tensor Weight, Tensor Input)? Beside(Tensor x, ForwardContext context) => null;
}

/// <summary>An adapter of an embedding table (rows, dim).</summary>
public abstract class EmbeddingAdapter : LayerAdapter
{
    /// <summary>Puts the adapter on a table, which stays as it is.</summary>
    protected EmbeddingAdapter(EmbeddingLayer target)
        : base(target) => Layer = target;

    /// <summary>The table below.</summary>
    public EmbeddingLayer Layer { get; }

    /// <summary>The adapted look-up: ids (n) give (n, dim). Override where there is a cheaper way than the whole table.</summary>
    /// <param name="ids">Ids (n).</param>
    /// <param name="below">The table with the adapters below this one.</param>
    protected internal virtual Tensor Forward(Tensor ids, EmbeddingCall below) => Materialize(below.Weight()).index_select(0, ids);
}
