using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>LoRA's factors on a convolution: a thin convolution with the base's kernel, then one of width 1.</summary>
/// <remarks><c>ΔW[o, c, …] = s·Σ_ρ B[o, ρ]·A[ρ, c, …]</c>; in groups, output channels see the rows ρ of their own group. Shapes: W (out, in/g, k…); A (r, in/g, k…);
/// B (out, r/g, 1…).</remarks>
public abstract class LoraFilters : WeightAdapter
{
    /// <summary>Puts the factors on a convolution: A Kaiming-uniform, B zero.</summary>
    /// <exception cref="PeftException">The rank is no multiple of the groups, or the input is to be dropped.</exception>
    private protected LoraFilters(Layer target, LoraOptions options, AdapterBuild build)
        : base(target)
    {
        if (options.Dropout > 0)
        {
            throw new PeftException($"'{Path}' is a convolution, on which LoRA has no dropout here; leave it out of the targets, or unset Dropout.");
        }

        (var rank, Scale) = options.RankAndScaleOf(Path);
        Groups = target is Conv1dLayer convolution ? convolution.Groups : 1;
        if (rank % Groups != 0)
        {
            throw new PeftException($"The rank on '{Path}' is {rank}; it must be a multiple of that convolution's {Groups} groups.");
        }

        var shape = target.FrozenWeight!.shape; // (out, in/g, k…)
        var kernel = shape[2..];
        var bound = 1 / Math.Sqrt(shape[1] * kernel.Aggregate(1L, (product, size) => product * size));
        A = Trainable(build.Initialization.Uniform(bound, [rank, .. shape[1..]]));
        B = Trainable(build.Initialization.Zeros([shape[0], rank / Groups, .. kernel.Select(_ => 1L)]));
        register_parameter("lora_A", A);
        register_parameter("lora_B", B);
    }

    private protected LoraFilters(LoraFilters other, Tensor a, Tensor b)
        : base(other.Target)
    {
        (Scale, Groups) = (1, 1);
        A = Trainable(a.view([a.size(0), .. other.A.shape[1..]]));
        B = Trainable(b.view([.. b.shape, .. other.B.shape[2..]]));
        register_parameter("lora_A", A);
        register_parameter("lora_B", B);
    }

    /// <summary>A (r, in/g, k…).</summary>
    protected Parameter A { get; }

    /// <summary>B (out, r/g, 1…).</summary>
    protected Parameter B { get; }

    /// <summary>s.</summary>
    protected double Scale { get; }

    /// <summary>g.</summary>
    protected long Groups { get; }

    /// <summary>ΔW, in the shape of the weight.</summary>
    protected Tensor Delta()
    {
        var a = A.flatten(1).view(Groups, A.size(0) / Groups, -1); // (g, r/g, in/g·k)
        var b = B.flatten(1).view(Groups, B.size(0) / Groups, -1); // (g, out/g, r/g)
        return b.bmm(a).mul(Scale).reshape(Target.FrozenWeight!.shape);
    }
}
