using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Lily: layers of a kind share their down-projections with their neighbours and a pool of up-projections, which a router of each layer
/// mixes.</summary>
/// <remarks>
/// <para><c>y = W·x + b + s·Σ_e π_e·B_eᵀ·h</c>, <c>h = σ(A·x)</c>, <c>π</c> the mean over all tokens of the batch of <c>softmax(R·h)</c>; σ is nothing
/// unless the settings name a function.</para>
/// <para>Shapes: A (r, in), one for some neighbouring layers; B (e·r, out), one for a kind; R (e, r), one for each layer. Trains
/// ⌈L/stride⌉·r·in + e·r·out + L·e·r numbers for the L layers of a kind. Starts as the identity: A and R Kaiming-uniform, B zero.</para>
/// <para>By the mean an output depends on the whole batch, so that it does not merge and rows of one batch share one adapter; routing <c>token</c> and
/// <c>none</c> have no such mean, and <c>none</c> merges, as <c>batch</c> does where predictions take the mean of the training run.</para>
/// <para>Source: Zhong, Zhao and Zhou 2024, arXiv:2407.09946, §3.</para>
/// </remarks>
public sealed class Lily : LinearAdapter, ILowRankUpdate
{
    private readonly LilyMixture _mixture;
    private readonly bool _ownsA, _ownsB; // the first layer that has the shared tensor

    internal Lily(LinearLayer target, LilyOptions options, LilyPool.Share share, Initialization initialization)
        : base(target)
    {
        (_ownsA, _ownsB) = (share.IsFirstOfA, share.IsFirstOfB);
        _mixture = new LilyMixture(this, "lily_", options, share, options.Function, initialization);
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => _mixture.ReadsOtherTokens;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => LilyMixture.FileName(parameter);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => !_mixture.Options.Compact || IsOwn(parameter);

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override void Loaded() => _mixture.Loaded();

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var (a, b, _) = ((ILowRankUpdate)this).Update();
        return weight + b.mm(a);
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
        => _mixture.IsLinear
            ? (_mixture.A, _mixture.Fixed().t().mul(_mixture.Options.Scaling), null)
            : throw new PeftException($"Lily with these settings ({_mixture.Options.Describe()}) is no change of a weight, so that '{Path}' has no weight of its own.");

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => below.Forward(x) + _mixture.Update(x, below.Context);

    private bool IsOwn(string parameter) => parameter switch
    {
        "lily_A" => _ownsA,
        "lily_B" => _ownsB,
        _ => true,
    };
}

/// <summary>Lily's branch beside the feed-forward part of a block: <c>h ← h + s·Σ_e π_e·B_eᵀ·σ(A·x)</c>, x what the part is given and h what it gives.</summary>
/// <remarks>The router sees what σ gives. Shapes: A (r, hidden), B (e·r, hidden), R (e, r), shared by the blocks as <see cref="Lily"/>'s are by layers.</remarks>
public sealed class LilyBranch : BlockAdapter
{
    private readonly LilyMixture _mixture;
    private readonly bool _ownsA, _ownsB;

    internal LilyBranch(string path, int block, LilyOptions options, LilyPool.Share share, Initialization initialization)
        : base(path, BlockPoint.AfterFeedForward, block)
    {
        (_ownsA, _ownsB) = (share.IsFirstOfA, share.IsFirstOfB);
        _mixture = new LilyMixture(this, "lily_mlp_", options, share, options.Mlp!.Function, initialization);
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => _mixture.ReadsOtherTokens;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => LilyMixture.FileName(parameter);

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter)
        => !_mixture.Options.Compact || (parameter == "lily_mlp_A" ? _ownsA : parameter != "lily_mlp_B" || _ownsB);

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override void Loaded() => _mixture.Loaded();

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context)
        => hidden + _mixture.Update(BottleneckForm.Read(BottleneckInput.PartInput, hidden, state, Path), context);
}
