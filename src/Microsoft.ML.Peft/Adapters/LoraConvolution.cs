using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA on a convolution: a thin convolution with the base's kernel, then one of width 1.</summary>
/// <remarks>
/// <para><c>W + ΔW</c> of <see cref="LoraFilters"/>; with <c>lora_bias</c> also <c>b + s·β</c>.</para>
/// <para>Shapes: A (r, in/g, k…); B (out, r/g, 1…); β (out). Trains r·in/g·k + out·r/g numbers, with a bias out more. Starts as the identity: A Kaiming-uniform, B zero.</para>
/// <para>A frozen convolution is small beside the blocks that follow it, so it is computed with the changed weight; nothing is dropped.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685; the form of HF PEFT.</para>
/// </remarks>
public sealed class LoraConvolution : LoraFilters, ILowRankPart
{
    private readonly Parameter? _bias; // (out)

    /// <summary>Puts LoRA on a convolution.</summary>
    /// <exception cref="PeftException">The rank is no multiple of the groups, or the input is to be dropped.</exception>
    public LoraConvolution(Layer target, LoraOptions options, AdapterBuild build)
        : base(target, options, build)
    {
        if (options.HasBias)
        {
            _bias = Trainable(build.Initialization.Zeros(target.FrozenWeight!.size(0)));
            register_parameter("bias", _bias);
        }
    }

    private LoraConvolution(LoraConvolution other, Tensor a, Tensor b)
        : base(other, a, b)
    {
    }

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => Groups == 1
        ? (A.flatten(1), B.flatten(1), Scale)
        : throw new PeftException($"'{Path}' is a convolution in {Groups} groups, whose LoRA is no product of two matrices; it cannot be combined.");

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new LoraConvolution(this, a, b);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter == "bias" ? "lora_B.bias" : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + Delta();

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias)
        => _bias is null ? bias : bias is null ? _bias.mul(Scale) : bias + _bias.mul(Scale);
}
