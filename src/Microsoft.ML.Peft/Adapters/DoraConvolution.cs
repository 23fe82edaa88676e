using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DoRA on a convolution: LoRA on the direction of each filter, and a trained length beside it.</summary>
/// <remarks>
/// <para><c>V = W + ΔW</c> of <see cref="LoraFilters"/>; the filter of an output is <c>m·V/‖V‖</c>, its norm over inputs and places a constant in the gradient.</para>
/// <para>Shapes: m (1, out, 1…); the others as in <see cref="LoraConvolution"/>. Trains out numbers more than that. Starts as the identity: m is the length of
/// the filters.</para>
/// <para>Source: Liu et al. 2024, arXiv:2402.09353; the form of HF PEFT.</para>
/// </remarks>
public sealed class DoraConvolution : LoraFilters
{
    private readonly Parameter _magnitude; // (1, out, 1…)

    /// <summary>Puts DoRA on a convolution.</summary>
    /// <exception cref="PeftException">The rank is no multiple of the groups, or the input is to be dropped.</exception>
    public DoraConvolution(Layer target, LoraOptions options, AdapterBuild build)
        : base(target, options, build)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _magnitude = Trainable(Norms(target.FrozenWeight! + Delta()).transpose(0, 1).contiguous());
        register_parameter("lora_magnitude_vector", _magnitude);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter == "lora_magnitude_vector" ? parameter : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var moved = weight + Delta();
        return _magnitude.transpose(0, 1) / Norms(moved).detach() * moved;
    }

    private static Tensor Norms(Tensor weight) // (out, 1, 1…)
    {
        var squares = weight.to(ScalarType.Float32).square().flatten(1).sum(1).sqrt();
        return squares.view([weight.size(0), .. Enumerable.Repeat(1L, weight.shape.Length - 1)]);
    }
}
