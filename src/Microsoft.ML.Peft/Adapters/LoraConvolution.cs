using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA on a convolution: a thin convolution with the base's kernel, then one of width 1.</summary>
/// <remarks>
/// <para><c>ΔW[o, c, …] = s·Σ_ρ B[o, ρ]·A[ρ, c, …]</c>; in groups, output channels see the rows ρ of their own group.</para>
/// <para>Shapes: W (out, in/g, k…); A (r, in/g, k…); B (out, r/g, 1…). Trains r·in/g·k + out·r/g numbers. Starts as the identity: A Kaiming-uniform, B zero.</para>
/// <para>A frozen convolution is small beside the blocks that follow it, so it is computed with the changed weight; nothing is dropped.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685; the form of HF PEFT.</para>
/// </remarks>
public sealed class LoraConvolution : WeightAdapter, ILowRankPart
{
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly double _scale;
    private readonly long _groups;

    /// <summary>Puts LoRA on a convolution.</summary>
    /// <exception cref="PeftException">The rank is no multiple of the groups.</exception>
    public LoraConvolution(Layer target, LoraOptions options, AdapterBuild build)
        : base(target)
    {
        if (options.UseDora || options.Dropout > 0)
        {
            throw new PeftException($"'{Path}' is a convolution, on which LoRA has neither DoRA nor dropout here; leave it out of the targets, or unset UseDora and Dropout.");
        }

        (var rank, _scale) = options.RankAndScaleOf(Path);
        _groups = target is Conv1dLayer convolution ? convolution.Groups : 1;
        if (rank % _groups != 0)
        {
            throw new PeftException($"The rank on '{Path}' is {rank}; it must be a multiple of that convolution's {_groups} groups.");
        }

        var shape = target.FrozenWeight!.shape; // (out, in/g, k…)
        var kernel = shape[2..];
        var bound = 1 / Math.Sqrt(shape[1] * kernel.Aggregate(1L, (product, size) => product * size));
        _a = Trainable(build.Initialization.Uniform(bound, [rank, .. shape[1..]]));
        _b = Trainable(build.Initialization.Zeros([shape[0], rank / _groups, .. kernel.Select(_ => 1L)]));
        register_parameter("lora_A", _a);
        register_parameter("lora_B", _b);
    }

    private LoraConvolution(LoraConvolution other, Tensor a, Tensor b)
        : base(other.Target)
    {
        (_scale, _groups) = (1, 1);
        _a = Trainable(a.view([a.size(0), .. other._a.shape[1..]]));
        _b = Trainable(b.view([.. b.shape, .. other._b.shape[2..]]));
        register_parameter("lora_A", _a);
        register_parameter("lora_B", _b);
    }

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => _groups == 1
        ? (_a.flatten(1), _b.flatten(1), _scale)
        : throw new PeftException($"'{Path}' is a convolution in {_groups} groups, whose LoRA is no product of two matrices; it cannot be combined.");

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new LoraConvolution(this, a, b);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var a = _a.flatten(1).view(_groups, _a.size(0) / _groups, -1); // (g, r/g, in/g·k)
        var b = _b.flatten(1).view(_groups, _b.size(0) / _groups, -1); // (g, out/g, r/g)
        return weight + b.bmm(a).mul(_scale).reshape(weight.shape);
    }
}
