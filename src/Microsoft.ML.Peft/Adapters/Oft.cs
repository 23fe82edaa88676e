using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>OFT: the inputs of a layer are turned, block by block, before the frozen weight.</summary>
/// <remarks>
/// <para><c>y = W·x̃ + b</c> with <c>x̃_blk = x_blk·R</c>; R comes from a skew-symmetric Q, exactly <c>(I − Q)·(I + Q)⁻¹</c>, or by
/// <see cref="OftOptions.NeumannTerms"/> terms of a series, which turns the other way round.</para>
/// <para>Shapes: Q as the upper triangles (blocks, b·(b − 1)/2), blocks·b = in. Trains in·(b − 1)/2 numbers, or b·(b − 1)/2 where the blocks share.</para>
/// <para>Starts as the identity: Q is 0.</para>
/// <para>Source: Qiu et al. 2023, arXiv:2306.07280, §3; blocks of the input as in HF PEFT.</para>
/// </remarks>
public sealed class Oft : LinearAdapter, IOftPart
{
    private readonly OftRotation _rotation;

    /// <summary>Puts OFT on a layer.</summary>
    public Oft(LinearLayer target, OftOptions options, AdapterBuild build)
        : base(target) => _rotation = new OftRotation(this, "oft_R", InFeatures, options, build);

    OftRotation IOftPart.Rotation => _rotation;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => Turned(weight, _rotation.Blocks());

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context) => Turned(weight, _rotation.Blocks(context));

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
        => below.Forward(CayleyRotation.Rotate(x, _rotation.Blocks(below.Context).to(x.dtype)));

    // W·blockdiag(R)ᵀ
    private static Tensor Turned(Tensor weight, Tensor rotation) => CayleyRotation.Rotate(weight.to(ScalarType.Float32), rotation.transpose(1, 2));
}

/// <summary>A part that turns by <see cref="OftRotation"/>.</summary>
internal interface IOftPart
{
    /// <summary>Its rotations.</summary>
    OftRotation Rotation { get; }
}
