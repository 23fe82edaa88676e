using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>(IA)³ on a convolution: one trained factor for each channel of the output, or of the input.</summary>
/// <remarks>
/// <para>Shapes: l (1, out, 1…), or (1, in, 1…) on the layers that <see cref="Ia3Options.FeedForwardModules"/> names. Starts as the identity: l is 1.</para>
/// <para>Source: Liu et al. 2022, arXiv:2205.05638; the form of HF PEFT, which has it for two dimensions.</para>
/// </remarks>
public sealed class Ia3Convolution : WeightAdapter, IScalingPart
{
    private readonly Parameter _l;
    private readonly long _groups;

    /// <summary>Puts (IA)³ on a convolution.</summary>
    public Ia3Convolution(Layer target, Ia3Options options, AdapterBuild build)
        : this(target, options.IsFeedForward(target.Path, build), null)
    {
        var weight = target.FrozenWeight!;
        long[] shape = [1, ScalesInput ? weight.size(1) * _groups : weight.size(0), .. Enumerable.Repeat(1L, weight.shape.Length - 2)];
        _l = Kept(options.StartsAsIdentity ? build.Initialization.Constant(1, shape) : build.Initialization.Normal(1, shape));
    }

    private Ia3Convolution(Layer target, bool scalesInput, Tensor? factors)
        : base(target)
    {
        (ScalesInput, _groups) = (scalesInput, target is Conv1dLayer convolution ? convolution.Groups : 1);
        _l = factors is null ? null! : Kept(factors); // the public constructor makes them
    }

    /// <inheritdoc/>
    public bool ScalesInput { get; }

    Tensor IScalingPart.Factors => _l;

    LayerAdapter IScalingPart.With(Tensor factors) => new Ia3Convolution(Target, ScalesInput, factors);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        if (!ScalesInput)
        {
            return weight * _l.transpose(0, 1);
        }

        // Each group of outputs sees its own channels of the input.
        var byGroup = weight.view([_groups, weight.size(0) / _groups, .. weight.shape[1..]]);
        return (byGroup * _l.view([_groups, 1, weight.size(1), .. _l.shape[2..]])).view(weight.shape);
    }

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias) => ScalesInput || bias is null ? bias : bias * _l.view(-1);

    private Parameter Kept(Tensor values)
    {
        var parameter = Trainable(values);
        register_parameter("ia3_l", parameter);
        return parameter;
    }
}
