using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>OFT on an embedding table: what is looked up is turned, block by block: <c>e(i) = E[i]·blockdiag(R)</c>.</summary>
/// <remarks>
/// <para>Shapes: E (V, d); Q as the upper triangles (blocks, b·(b − 1)/2), blocks·b = d; R as in <see cref="Oft"/>. Starts as the identity: Q is 0.</para>
/// <para>Source: Qiu et al. 2023, arXiv:2306.07280, §3; the form of HF PEFT.</para>
/// </remarks>
public sealed class OftEmbedding : EmbeddingAdapter, IOftPart
{
    private readonly OftRotation _rotation;

    /// <summary>Puts OFT on a table.</summary>
    public OftEmbedding(EmbeddingLayer target, OftOptions options, AdapterBuild build)
        : base(target) => _rotation = new OftRotation(this, "oft_embedding_R", target.Weight.size(1), options, build);

    OftRotation IOftPart.Rotation => _rotation;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => CayleyRotation.Rotate(weight.to(ScalarType.Float32), _rotation.Blocks());

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids);
        return CayleyRotation.Rotate(rows, _rotation.Blocks().to(rows.dtype)); // without dropout, as in HF PEFT
    }
}
