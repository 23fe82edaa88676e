using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>OFT on the patches of pictures as HF PEFT computes it: the patches at every place are turned, stored in another order and added up to a picture again.</summary>
/// <remarks>
/// <para><c>x̃ = fold(P(unfold(x)·blockdiag(R)))</c> with a step of 1, then the frozen convolution of x̃. P reads numbers (c, down, across, k₁, k₂) as
/// (c, k₁, k₂, down, across). Shapes: x (batch, c, height, width); Q as the upper triangles (blocks, b·(b − 1)/2), blocks·b = c·k₁·k₂; R as in <see cref="Oft"/>.</para>
/// <para>It is not the identity where Q is 0, and no convolution gives the same, so it cannot be merged; HF PEFT merges turned filters, which give something
/// else. It is there for adapters that HF PEFT trained; docs/methods-spec/oft.md.</para>
/// <para>Source: HF PEFT; the method: Qiu et al. 2023, arXiv:2306.07280.</para>
/// </remarks>
public sealed class OftPatches : WeightAdapter, IOftPart
{
    private readonly OftRotation _rotation;
    private readonly long[] _kernel;

    /// <summary>Puts OFT on the patches.</summary>
    public OftPatches(PatchLayer target, OftOptions options, AdapterBuild build)
        : base(target)
    {
        var shape = target.FrozenWeight.shape; // (out, c, k₁, k₂)
        _kernel = shape[2..];
        _rotation = new OftRotation(this, "oft_R", shape[1] * shape[2] * shape[3], options, build);
    }

    OftRotation IOftPart.Rotation => _rotation;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <summary>Not defined: no weight of this convolution gives what it computes.</summary>
    /// <exception cref="PeftException">Always.</exception>
    protected internal override Tensor Materialize(Tensor weight)
        => throw new PeftException(
            $"OFT on the convolution '{Path}' has HF PEFT's form, which adds up turned patches of the picture; no weight gives the same, so it cannot be merged. "
            + "Train it with ExactConvolution instead.");

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context) => weight;

    /// <inheritdoc/>
    protected internal override bool ChangesNothing() => false;

    /// <inheritdoc/>
    protected internal override Tensor MaterializeInput(Tensor x, ForwardContext context)
    {
        var (rows, channels, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3));
        var (high, wide) = (_kernel[0], _kernel[1]);
        var (down, across) = (height - high + 1, width - wide + 1);
        var patches = x.to(ScalarType.Float32).unfold(2, high, 1).unfold(3, wide, 1) // (batch, c, down, across, k₁, k₂)
            .permute(0, 2, 3, 1, 4, 5).reshape(rows, down * across, channels * high * wide);
        var turned = CayleyRotation.Rotate(patches, _rotation.Blocks(context));

        // Hugging Face folds (c, down, across, k₁, k₂) as if it were (c, k₁, k₂, down, across).
        var stored = turned.view(rows, down, across, channels, high, wide).permute(0, 3, 1, 2, 4, 5).reshape(rows, channels * high * wide, down * across);
        return fold(stored, (height, width), (high, wide)).to(x.dtype);
    }
}
