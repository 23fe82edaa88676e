using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>An adapter between the parts of a transformer block: changes hidden states (tokens, hidden).</summary>
public abstract class BlockAdapter : Adapter
{
    /// <summary>Puts the adapter at a point of a block.</summary>
    protected BlockAdapter(string path, BlockPoint point, int block)
        : base(path) => (Point, Block) = (point, block);

    /// <summary>Where in the block it acts.</summary>
    public BlockPoint Point { get; }

    /// <summary>Index of the block, from 0.</summary>
    public int Block { get; }

    /// <summary>Hidden states in, hidden states of the same shape out.</summary>
    /// <param name="hidden">The hidden states at the point (tokens, hidden).</param>
    /// <param name="state">What else the block has at hand there.</param>
    /// <param name="context">What comes with the forward pass.</param>
    protected internal abstract Tensor Forward(Tensor hidden, BlockState state, ForwardContext context);

    /// <inheritdoc/>
    public sealed override Tensor forward(Tensor hidden)
    {
        using var context = training ? ForwardContext.TrainingWith(Generator.Default) : ForwardContext.Predicting();
        return Forward(hidden, default, context);
    }
}
