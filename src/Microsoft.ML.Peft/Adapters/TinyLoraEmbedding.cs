using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>TinyLoRA on an embedding table: <c>e(i) = E[i] + B[i]·R·A</c>.</summary>
/// <remarks>
/// <para>Shapes: E (V, d); A (r, d), B (V, r), frozen, of the singular values of E; R as in <see cref="TinyLora"/>. Starts as the identity. What is dropped while
/// training are numbers of B[i].</para>
/// <para>Source: arXiv:2602.04118; the form of HF PEFT.</para>
/// </remarks>
public sealed class TinyLoraEmbedding : EmbeddingAdapter
{
    private readonly TinyVectors _vectors;
    private readonly TinyLoraOptions _options;
    private readonly int _group;
    private readonly Parameter _a; // (r, d)
    private readonly Parameter _b; // (V, r)
    private readonly Parameter _p; // (u, r, r)

    internal TinyLoraEmbedding(EmbeddingLayer target, TinyLoraOptions options, TinyVectors vectors, int group, int index, AdapterBuild build)
        : base(target)
    {
        (_vectors, _options, _group) = (vectors, options, group);
        (_a, _b, _p) = TinyLora.Matrices(target.Weight, options, index, build);
        register_parameter("tinylora_A", _a);
        register_parameter("tinylora_B", _b);
        register_parameter("tinylora_P", _p);
    }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "tinylora_P"; // made from the seed where a file lacks it

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "tinylora_P" || _options.SaveProjection;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + _b.mm(_vectors.Mixed(_group, _p)).mm(_a);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids); // (n, d)
        var low = below.Context.Dropout(_b.index_select(0, ids), _options.Dropout);
        return rows + InTypeOf(rows, low.mm(_vectors.Mixed(_group, _p)).mm(_a));
    }
}
