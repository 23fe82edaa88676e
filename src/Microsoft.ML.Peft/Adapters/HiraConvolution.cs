using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>HiRA on a convolution: the frozen weight times a trained product of a thin convolution and one of width 1, number by number, is added to it.</summary>
/// <remarks>
/// <para><c>W + W ⊙ (B·A)</c> with the weight as a matrix (out, in·k…). Shapes: A (r, in, k…), B (out, r, 1…). Starts as the identity: A Kaiming-uniform, B zero.</para>
/// <para>Source: Huang et al. 2025, ICLR, §3; the form of HF PEFT.</para>
/// </remarks>
public sealed class HiraConvolution : WeightAdapter
{
    private readonly Parameter _a;
    private readonly Parameter _b;

    /// <summary>Puts HiRA on a convolution.</summary>
    /// <exception cref="PeftException">The convolution is in groups, or the input is to be dropped.</exception>
    public HiraConvolution(Layer target, HiraOptions options, AdapterBuild build)
        : base(target)
    {
        if (target is Conv1dLayer { Groups: > 1 } convolution)
        {
            throw new PeftException($"'{Path}' is a convolution in {convolution.Groups} groups, whose weight HiRA's factors do not have the shape of; leave it out of the targets.");
        }

        if (options.Dropout > 0)
        {
            throw new PeftException($"'{Path}' is a convolution, on which HiRA has no dropout here; leave it out of the targets, or unset Dropout.");
        }

        var (rank, shape, start) = (options.RankOf(Path), target.FrozenWeight!.shape, build.Initialization);
        long[] thin = [rank, .. shape[1..]];
        long[] wide = [shape[0], rank, .. shape[2..].Select(_ => 1L)];
        _a = Trainable(options.Start switch
        {
            HiraStart.Default => start.KaimingUniformFilters(thin),
            HiraStart.Gaussian => start.Normal(1.0 / rank, thin),
            _ => start.Normal(1, thin),
        });
        _b = Trainable(options.Start == HiraStart.Random ? start.Normal(1, wide) : start.Zeros(wide));
        register_parameter("hira_A", _a);
        register_parameter("hira_B", _b);
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
        => weight + _b.flatten(1).mm(_a.flatten(1)).reshape(weight.shape).mul(MergedWeights.Original(Target));
}
