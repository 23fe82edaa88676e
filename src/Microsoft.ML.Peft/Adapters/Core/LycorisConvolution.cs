using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>LoHa or LoKr on a convolution, in groups too: <c>s·ΔW</c> is added to its weight (out, in/g, k…).</summary>
/// <remarks>A convolution is small beside the blocks that follow it, so it is computed with the changed weight.</remarks>
public abstract class LycorisConvolution : WeightAdapter
{
    private readonly LycorisOptions _options;

    private protected LycorisConvolution(Layer target, LycorisOptions options)
        : base(target)
    {
        _options = options;
        (Rank, Scale) = options.RankAndScaleOf(Path);
        var shape = target.FrozenWeight!.shape;
        (Shape, Kernel) = (shape, shape[2..]);
        Positions = Kernel.Aggregate(1L, (product, size) => product * size);
    }

    /// <summary>Rank of the layer.</summary>
    protected int Rank { get; }

    /// <summary>Factor of the update.</summary>
    protected double Scale { get; }

    /// <summary>(out, in/g, k…).</summary>
    protected IReadOnlyList<long> Shape { get; }

    /// <summary>The sizes k… of the kernel.</summary>
    protected IReadOnlyList<long> Kernel { get; }

    /// <summary>Places of the kernel: the product of its sizes.</summary>
    protected long Positions { get; }

    /// <summary>True where the kernel has a factor of its own: a kernel of one place needs none.</summary>
    protected bool FactorsKernel => _options.FactorsKernel && Positions > 1;

    /// <summary>The kernel as two sizes, which that factor has.</summary>
    protected (long Height, long Width) KernelPlane => (Kernel[0], Kernel.Count > 1 ? Kernel[1] : 1);

    /// <summary>True to divide by the share of output channels that are kept.</summary>
    protected virtual bool RescalesRows => true;

    /// <summary>What the method adds to the weight, in its shape or flat.</summary>
    protected internal abstract Tensor Delta();

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + Delta().reshape(weight.shape);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context)
    {
        if (context.Chance(_options.ModuleDropout))
        {
            return weight;
        }

        var delta = Delta().reshape(weight.shape);
        return weight + (DroppedUpdateAdapter.Rows(delta, weight.size(0), _options.RankDropout, RescalesRows, context) is { } rows
            ? delta * rows.view([weight.size(0), .. Enumerable.Repeat(1L, weight.shape.Length - 1)])
            : delta);
    }

    /// <summary>A core (r, r, k₁, k₂) between factors of the outputs (r, out) and the inputs (r, in): <c>Σ T[i, j, …]·A[i, o]·B[j, c]</c>.</summary>
    internal static Tensor Joined(Tensor core, Tensor outputs, Tensor inputs) => einsum("ijkl,io,jc->ockl", core, outputs, inputs);
}
