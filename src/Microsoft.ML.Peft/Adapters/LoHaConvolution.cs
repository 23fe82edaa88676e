using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoHa on a convolution.</summary>
/// <remarks>
/// <para><c>ΔW = (α/r)·(A₁·B₁) ⊙ (A₂·B₂)</c> with the weight as a matrix (out, in/g·k…); with <see cref="LycorisOptions.FactorsKernel"/> and more than one place
/// in the kernel each factor is <c>Σ T[i, j, …]·A[i, o]·B[j, c]</c>.</para>
/// <para>Shapes: A (out, r), B (r, in/g·k…); with kernels of their own T (r, r, k₁, k₂), of one dimension (r, r, k, 1), A (r, out), B (r, in/g).</para>
/// <para>Starts as the identity: B₂ is 0. Source: Hyeon-Woo et al. 2022, arXiv:2108.06098, Proposition 3; the form of HF PEFT.</para>
/// </remarks>
public sealed class LoHaConvolution : LycorisConvolution
{
    private readonly Parameter _a1, _b1, _a2, _b2;
    private readonly Parameter? _t1, _t2;
    private readonly bool _exact;

    /// <summary>Puts LoHa on a convolution.</summary>
    public LoHaConvolution(Layer target, LoHaOptions options, AdapterBuild build)
        : base(target, options)
    {
        _exact = options.ExactGradient;
        var start = build.Initialization;
        var (outputs, inputs) = (Shape[0], Shape[1]);
        if (FactorsKernel)
        {
            _t1 = Kept("hada_t1", start.KaimingUniformFilters(Rank, Rank, KernelPlane.Height, KernelPlane.Width));
            _t2 = Kept("hada_t2", start.KaimingUniformFilters(Rank, Rank, KernelPlane.Height, KernelPlane.Width));
            (_a1, _b1) = (Kept("hada_w1_a", start.KaimingUniformFilters(Rank, outputs)), Kept("hada_w1_b", start.KaimingUniformFilters(Rank, inputs)));
            (_a2, _b2) = (Kept("hada_w2_a", start.KaimingUniformFilters(Rank, outputs)), Kept("hada_w2_b", Last(Rank, inputs)));
        }
        else
        {
            (_a1, _b1) = (Kept("hada_w1_a", start.KaimingUniformFilters(outputs, Rank)), Kept("hada_w1_b", start.KaimingUniformFilters(Rank, inputs * Positions)));
            (_a2, _b2) = (Kept("hada_w2_a", start.KaimingUniformFilters(outputs, Rank)), Kept("hada_w2_b", Last(Rank, inputs * Positions)));
        }

        Tensor Last(params long[] shape) => options.StartsAsIdentity ? start.Zeros(shape) : start.KaimingUniformFilters(shape);

        Parameter Kept(string name, Tensor values)
        {
            var parameter = Trainable(values);
            register_parameter(name, parameter);
            return parameter;
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        if (_t1 is null || _t2 is null)
        {
            return _a1.mm(_b1).mul(_a2.mm(_b2)).mul(Scale);
        }

        return _exact
            ? Joined(_t1, _a1, _b1).mul(Joined(_t2, _a2, _b2)).mul(Scale)
            : Exchanged(_t1, _a1, _b1, _t2, _b2).mul(Exchanged(_t2, _a2, _b2, _t1, _b1)).mul(Scale);
    }

    // The value of T·A·B, with the gradient of A that T'·A·B' would give: HF PEFT's backward pass takes the factors of the other product there.
    private static Tensor Exchanged(Tensor core, Tensor outputs, Tensor inputs, Tensor otherCore, Tensor otherInputs)
    {
        var carrier = Joined(otherCore.detach(), outputs, otherInputs.detach());
        return Joined(core, outputs.detach(), inputs) + (carrier - carrier.detach());
    }
}
