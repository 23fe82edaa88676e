using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>HiRA on an embedding table: <c>e(i) = E[i] + E₀[i] ⊙ (B·A[:, i])</c> with the frozen table E₀.</summary>
/// <remarks>
/// <para>Shapes: E (V, d); A (r, V); B (d, r). Trains r·(V + d) numbers. Starts as the identity: A is zero, B normal with deviation 1.</para>
/// <para>Nothing is dropped, as in HF PEFT. Source: Huang et al. 2025, ICLR, §3; the form of HF PEFT.</para>
/// </remarks>
public sealed class HiraEmbedding : EmbeddingAdapter
{
    private readonly Parameter _a; // (r, V)
    private readonly Parameter _b; // (d, r)

    /// <summary>Puts HiRA on a table.</summary>
    public HiraEmbedding(EmbeddingLayer target, HiraOptions options, AdapterBuild build)
        : base(target)
    {
        var (rank, start) = (options.RankOf(Path), build.Initialization);
        _a = Trainable(options.Start == HiraStart.Random ? start.Normal(1, rank, target.Rows) : start.Zeros(rank, target.Rows));
        _b = Trainable(start.Normal(1, target.Weight.size(1), rank));
        register_parameter("hira_embedding_A", _a);
        register_parameter("hira_embedding_B", _b);
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + _b.mm(_a).t().mul(MergedWeights.Original(Layer));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids); // (n, d)
        var factor = _a.t().index_select(0, ids).mm(_b.t());
        return rows + (MergedWeights.Original(Layer).index_select(0, ids) * InTypeOf(rows, factor));
    }
}
