using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DoRA on an embedding table: LoRA on the direction of each feature's column, and a trained length beside it.</summary>
/// <remarks>
/// <para><c>V = E + s·(B·A)ᵀ; e(i) = (m/‖V‖)⊙V[i]</c> with the norm of each column of V over the whole vocabulary, a constant in the gradient.</para>
/// <para>Shapes: E (V, d); A (r, V); B (d, r); m (d). Trains r·(V + d) + d numbers. Starts as the identity: A is zero, B normal with deviation 1, m the length of
/// the columns.</para>
/// <para>Source: Liu et al. 2024, arXiv:2402.09353; the form of HF PEFT.</para>
/// </remarks>
public sealed class DoraEmbedding : EmbeddingAdapter
{
    private readonly Parameter _a; // (r, V)
    private readonly Parameter _b; // (d, r)
    private readonly Parameter _magnitude; // (d)
    private readonly double _scale;

    /// <summary>Puts DoRA on a table.</summary>
    public DoraEmbedding(EmbeddingLayer target, LoraOptions options, AdapterBuild build)
        : base(target)
    {
        (var rank, _scale) = options.RankAndScaleOf(Path);
        _a = Trainable(build.Initialization.Zeros(rank, target.Rows));
        _b = Trainable(build.Initialization.Normal(1, target.Weight.size(1), rank));
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _magnitude = Trainable(Norms(target.Weight));
        register_parameter("lora_embedding_A", _a);
        register_parameter("lora_embedding_B", _b);
        register_parameter("lora_magnitude_vector", _magnitude);
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var moved = Moved(weight);
        return _magnitude / Norms(moved).detach() * moved;
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids); // (n, d)
        var moved = rows + InTypeOf(rows, _a.t().index_select(0, ids).mul(_scale).mm(_b.t()));
        return moved * InTypeOf(rows, _magnitude / NormsOf(below));
    }

    private static Tensor Norms(Tensor table) => table.to(ScalarType.Float32).square().sum([0]).sqrt();

    private Tensor Moved(Tensor table) => table + _b.mm(_a).t().mul(_scale);

    private Tensor NormsOf(EmbeddingCall below)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Norms(Moved(below.Weight())).MoveToOuterDisposeScope();
    }
}
