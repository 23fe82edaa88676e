using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA on a matrix of every expert: each expert has thin factors of its own, <c>ΔW_e = s·B[:, :, e]·A[e]</c>.</summary>
/// <remarks>
/// <para>Shapes: W (E, out, in); A (r·E, in), read as (E, r, in); B (out, r·E), read as (out, r, E), the expert last. Trains E·r·(in + out) numbers.
/// Starts as the identity: A Kaiming-uniform, B zero.</para>
/// <para>The tokens of an expert go through its two thin factors; no ΔW is built. Nothing is dropped.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685; the form of HF PEFT (<c>target_parameters</c>).</para>
/// </remarks>
public sealed class LoraExperts : ExpertAdapter
{
    private readonly Parameter _a; // (r·E, in)
    private readonly Parameter _b; // (out, r·E)
    private readonly int _rank;
    private readonly double _scale;

    /// <summary>Puts LoRA on the matrices of all experts.</summary>
    /// <param name="target">The matrices.</param>
    /// <param name="options">Rank, scale, start.</param>
    /// <param name="build">Start values.</param>
    /// <param name="wrappers">Count of adapted tensors of the same module that come after this one.</param>
    public LoraExperts(ExpertLayer target, LoraOptions options, AdapterBuild build, int wrappers)
        : base(target, wrappers)
    {
        (_rank, _scale) = options.RankAndScaleOf(Path);
        var (random, all) = (build.Initialization, _rank * target.Experts);
        _a = Trainable(options.Start == LoraStart.Gaussian ? random.Normal(1.0 / _rank, all, target.InFeatures) : random.KaimingUniform(all, target.InFeatures));
        _b = Trainable(options.Start == LoraStart.Random ? random.KaimingUniform(target.OutFeatures, all) : random.Zeros(target.OutFeatures, all));
        register_parameter("lora_A", _a);
        register_parameter("lora_B", _b);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor MaterializeExpert(Tensor weight, int expert)
        => weight + ByOutput(_b).select(2, expert).mm(ByExpert(_a).select(0, expert)).mul(_scale);

    /// <inheritdoc/>
    protected internal override Func<Tensor, int, Tensor> Begin(ExpertCall below)
    {
        // Taken apart once, so that the gradients of all experts are put together once.
        var (a, b) = (ByExpert(InTypeOf(Layer.Weight, _a)).unbind(0), ByOutput(InTypeOf(Layer.Weight, _b)).unbind(2));
        return (x, expert) => below.Forward(x, expert).addmm(nn.functional.linear(x, a[expert]), b[expert].t(), 1f, (float)_scale);
    }

    private Tensor ByExpert(Tensor a) => a.view(Layer.Experts, _rank, -1);

    private Tensor ByOutput(Tensor b) => b.view(-1, _rank, Layer.Experts);
}
