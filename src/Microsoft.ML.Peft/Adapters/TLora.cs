using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>TLoRA: the frozen weight is transformed by a trained matrix on its input side and a compact residual is added.</summary>
/// <remarks>
/// <para><c>y = W·(T·x) + s·Δ·drop(x) + b</c>, so <c>W' = W·T + s·Δ</c>, <c>s = α/√r</c> or <c>α/r</c>. T (in, in) is a tensor ring of cores A^d (I_d, I_d, R, R) with
/// <c>in = ∏I_d</c>, a Kronecker product for R = 1, and the identity for R = 0. Δ is B·A, or a tensor ring: of cores of rows and columns
/// (<c>tr</c>) or of both at once (<c>trm</c>).</para>
/// <para>Trains <c>R²·ΣI_d²</c> numbers for T and <c>r·(in + out)</c>, <c>r²·(ΣI_d + ΣJ_d)</c> or <c>r²·ΣI_d·J_d</c> for Δ.</para>
/// <para>Starts as the identity: every slice of A^d is I/R, and one factor of Δ is 0. Every slice then has the same gradient, so that R above 1 learns
/// no more than R = 1 unless <see cref="TLoraOptions.RingInitJitter"/> sets them apart.</para>
/// <para>Source: Tao et al. 2025, arXiv:2501.08727.</para>
/// </remarks>
public sealed class TLora : LinearAdapter
{
    private readonly TLoraOptions _options;

    /// <summary>Puts TLoRA on a layer.</summary>
    /// <exception cref="PeftException">A shape of the settings does not multiply to the side of the layer.</exception>
    public TLora(LinearLayer target, TLoraOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        Factors = new(options, Path, options.ShapeOf(Path, "InShape", options.InShape, InFeatures), OutFeatures, build.Initialization);
        Factors.Register(register_parameter);
    }

    /// <summary>What is trained.</summary>
    internal TLoraFactors Factors { get; }

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => Factors.GroupOf(parameter);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => Factors.Materialize(weight);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
        => below.Forward(Factors.TransformOf(x)) + Factors.ResidualOf(below.Context.Dropout(x, _options.Dropout));
}

/// <summary>TLoRA on a convolution, whose kernels (out, in/g, k…) are taken as the rows of a matrix (out, in/g·∏k).</summary>
/// <remarks>T works on channels and places of the kernel, with the places as its last index where the shape is not given. The convolution is computed with the changed weight; while
/// inputs are dropped the residual is a convolution of its own. The rest is as in <see cref="TLora"/>.</remarks>
public sealed class TLoraConvolution : WeightAdapter
{
    private readonly double _dropout;

    /// <summary>Puts TLoRA on a convolution.</summary>
    /// <exception cref="PeftException">A shape of the settings does not fit.</exception>
    public TLoraConvolution(Layer target, TLoraOptions options, AdapterBuild build)
        : base(target)
    {
        _dropout = options.Dropout;
        var shape = target.FrozenWeight!.shape; // (out, in/g, k…)
        var places = shape.Skip(2).Aggregate(1L, (product, size) => product * size);
        var inShape = options.InShape is null && places > 1
            ? [.. TLoraShape.Of(shape[1], 2), places]
            : options.ShapeOf(Path, "InShape", options.InShape, shape[1] * places);
        Factors = new(options, Path, inShape, shape[0], build.Initialization);
        Factors.Register(register_parameter);
    }

    /// <summary>What is trained.</summary>
    internal TLoraFactors Factors { get; }

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => Factors.GroupOf(parameter);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => Factors.Materialize(weight.flatten(1)).reshape(weight.shape);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context)
        => Drops(context) ? Factors.Transformed(weight.flatten(1)).reshape(weight.shape) : Materialize(weight);

    /// <inheritdoc/>
    protected internal override (Tensor Weight, Tensor Input)? Beside(Tensor x, ForwardContext context)
        => Drops(context) ? (Factors.Residual().view(Target.FrozenWeight!.shape), context.Dropout(x, _dropout)) : null;

    private bool Drops(ForwardContext context) => context.Training && _dropout > 0;
}
