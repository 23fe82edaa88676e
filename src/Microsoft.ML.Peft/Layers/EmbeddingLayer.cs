using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A table of vectors: ids (n) give (n, dim).</summary>
public sealed class EmbeddingLayer : Layer
{
    internal EmbeddingLayer(string path, int index, Tensor weight)
        : base(path, index)
    {
        Weight = weight;
        Rows = weight.size(0);
    }

    /// <summary>The frozen table (rows, dim).</summary>
    public Tensor Weight { get; }

    /// <summary>Count of ids.</summary>
    public long Rows { get; }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight;

    /// <summary>Looks up ids (n), which must be from 0 to <see cref="Rows"/> − 1.</summary>
    public Tensor Forward(Tensor ids, ForwardContext context)
        => context.AdaptersOf(this) is { } adapters
            ? new EmbeddingCall(this, adapters, context).Forward(ids)
            : context.Divides(this) ? context.ByRows(ids, Forward) : Weight.index_select(0, ids);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", Weight)];
}
