using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoKr on a convolution: the Kronecker product is one of the channels.</summary>
/// <remarks>
/// <para><c>ΔW = (α/r)·(W₁ ⊗ W₂)</c> with out = l·k and in/g = m·n.</para>
/// <para>Shapes: W₁ (l, m) as on linear layers; W₂ (k, n, kernel…), or (k, r)·(r, n·kernel) if r is below max(k, n)/2, or with
/// <see cref="LycorisOptions.FactorsKernel"/> T (r, r, k₁, k₂), of one dimension (r, r, kernel, 1), between (r, k) and (r, n).</para>
/// <para>Starts as LoKr does. Source: Yeh et al. 2024 (LyCORIS), arXiv:2309.14859, §3.3; the form of HF PEFT.</para>
/// </remarks>
public sealed class LoKrConvolution : LycorisConvolution
{
    private readonly LoKrOptions _options;
    private readonly KroneckerFactors _factors;

    /// <summary>Puts LoKr on a convolution.</summary>
    public LoKrConvolution(Layer target, LoKrOptions options, AdapterBuild build)
        : base(target, options)
    {
        _options = options;
        _factors = new(this, KroneckerFactors.Start(
            LoKr.Factors(Shape[0], options.DecomposeFactor), LoKr.Factors(Shape[1], options.DecomposeFactor), Rank, options, build.Initialization, [.. Kernel]));
    }

    /// <inheritdoc/>
    protected override bool RescalesRows => _options.RankDropoutScale;

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var (first, second) = (_factors.First, _factors.Second.contiguous());

        // A whole W₂ of three dimensions meets W₁ by its last two, not by its channels: so HF PEFT computes it, and so its files mean it.
        return kron(second.dim() == 4 ? first.unsqueeze(2).unsqueeze(3) : first, second).mul(Scale);
    }
}
