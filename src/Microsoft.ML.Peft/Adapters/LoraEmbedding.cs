using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA on an embedding table: <c>e(i) = E[i] + s·B·A[:, i]</c>.</summary>
/// <remarks>
/// <para>Shapes: E (V, d); A (r, V); B (d, r). Trains r·(V + d) numbers. Starts as the identity: A is zero, B normal with deviation 1.</para>
/// <para>Nothing is dropped. As HF PEFT does, the base table is written with the adapter if it is called <c>embed_tokens</c>.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685; the form of HF PEFT.</para>
/// </remarks>
public sealed class LoraEmbedding : EmbeddingAdapter, ILowRankPart
{
    private readonly Parameter _a; // (r, V)
    private readonly Parameter _b; // (d, r)
    private readonly double _scale;

    /// <summary>Puts LoRA on a table.</summary>
    public LoraEmbedding(EmbeddingLayer target, LoraOptions options, AdapterBuild build)
        : base(target)
    {
        (var rank, _scale) = options.RankAndScaleOf(Path);
        _a = Trainable(build.Initialization.Zeros(rank, target.Rows));
        _b = Trainable(build.Initialization.Normal(1, target.Weight.size(1), rank));
        register_parameter("lora_embedding_A", _a);
        register_parameter("lora_embedding_B", _b);
    }

    private LoraEmbedding(EmbeddingLayer target, Tensor a, Tensor b)
        : base(target)
    {
        _scale = 1;
        (_a, _b) = (Trainable(a), Trainable(b));
        register_parameter("lora_embedding_A", _a);
        register_parameter("lora_embedding_B", _b);
    }

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => (_a, _b, _scale);

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new LoraEmbedding(Layer, a, b);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + _b.mm(_a).t().mul(_scale);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids); // (n, d)
        var low = _a.t().index_select(0, ids).mul(_scale); // (n, r)
        return rows + InTypeOf(rows, low.mm(_b.t()));
    }
}
