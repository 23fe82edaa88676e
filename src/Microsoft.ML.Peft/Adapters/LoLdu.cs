using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoLDU: the weight is factored as P·L·D·U and the first r numbers of the diagonal D are trained.</summary>
/// <remarks>
/// <para><c>W' = W + s·B·diag(z − z₀)·A</c> with <c>B = P·L[:, :r]</c>, <c>A = U[:r]</c>, <c>s = α/r</c> and z₀ the first r pivots, which are in no order.</para>
/// <para>Shapes: z (r); B (out, r); A (r, in); the factors are made again from the base when an adapter is loaded, unless the file has them. Trains r numbers; fewer
/// on a layer whose weight runs out of pivots before.</para>
/// <para>Starts as the identity, whatever z starts with, unless <c>residual_from_pivots</c> is set: then other starts than the pivots change the model, as in the authors' code.
/// No weight decay acts on z, which would pull the pivots of the base model towards zero.</para>
/// <para>The weight of a convolution counts as the matrix (out, in·k…): <see cref="LoLduConvolution"/>.</para>
/// <para>Source: Shi et al. 2024, arXiv:2410.13618.</para>
/// </remarks>
public sealed class LoLdu : AdditiveAdapter, ILowRankUpdate
{
    private readonly LoLduDiagonal _diagonal;

    /// <summary>Factors the weight of a layer.</summary>
    /// <exception cref="PeftException">The rank is above the smaller side of the layer, or the weight has no pivot.</exception>
    public LoLdu(LinearLayer target, LoLduOptions options, AdapterBuild build)
        : base(target) => _diagonal = new LoLduDiagonal(this, Path, target.Weight.Dense(), options, build.Initialization);

    internal LoLduDiagonal Diagonal => _diagonal;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Tensor Tensor)> Companions => _diagonal.Companions;

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new("", Decays: false);

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update() => (_diagonal.A, _diagonal.B * _diagonal.Moved(), null);

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _diagonal.Delta();

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(x, InTypeOf(x, _diagonal.A)) * InTypeOf(x, _diagonal.Moved()), InTypeOf(x, _diagonal.B));
}

/// <summary>LoLDU on a convolution, whose weight (out, in, k…) counts as the matrix (out, in·k…); it computes with the changed weight.</summary>
public sealed class LoLduConvolution : WeightAdapter
{
    private readonly LoLduDiagonal _diagonal;

    /// <summary>Factors the weight of a convolution.</summary>
    /// <exception cref="PeftException">The rank is above the smaller side of the matrix, or the weight has no pivot.</exception>
    public LoLduConvolution(Layer target, LoLduOptions options, AdapterBuild build)
        : base(target) => _diagonal = new LoLduDiagonal(this, Path, target.FrozenWeight!.flatten(1), options, build.Initialization);

    internal LoLduDiagonal Diagonal => _diagonal;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Tensor Tensor)> Companions => _diagonal.Companions;

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new("", Decays: false);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight + _diagonal.Delta().reshape(weight.shape);
}
