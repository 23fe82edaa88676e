using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Lily: layers of a kind share their down-projections with their neighbours and a pool of up-projections, which a router of each layer
/// mixes.</summary>
/// <remarks>
/// <para><c>y = W·x + b + s·Σ_e π_e·B_eᵀ·h</c>, <c>h = A·x</c>, <c>π</c> the mean over all tokens of the batch of <c>softmax(R·h)</c>.</para>
/// <para>Shapes: A (r, in), one for some neighbouring layers; B (e·r, out), one for a kind; R (e, r), one for each layer. Starts as the identity:
/// A and R Kaiming-uniform, B zero. By the mean an output depends on the whole batch, padding included, so that it does not merge and rows of
/// one batch share one adapter; routing <c>token</c> and <c>none</c> have no such mean, and <c>none</c> merges.</para>
/// <para>Source: Zhong, Zhao and Zhou 2024, arXiv:2407.09946, §3.</para>
/// </remarks>
public sealed class Lily : LinearAdapter
{
    [ComponentName(Name = "lily_A")] private readonly Parameter _a; // (r, in), shared
    [ComponentName(Name = "lily_B")] private readonly Parameter _b; // (e·r, out), shared
    [ComponentName(Name = "lily_router")] private readonly Parameter _router; // (e, r)

    private readonly double _scale;
    private readonly LilyRouting _routing;

    /// <summary>Puts Lily on a layer.</summary>
    internal Lily(LinearLayer target, LilyOptions options, Parameter a, Parameter b, AdapterBuild build)
        : base(target)
    {
        (_a, _b, _scale, _routing) = (a, b, options.Scaling, options.Routing);
        _router = Trainable(build.Initialization.KaimingUniform(options.Experts, options.Rank));
        if (_routing == LilyRouting.None)
        {
            _router.requires_grad = false; // it has no say
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => _routing == LilyRouting.Batch;

    internal static Parameter Shared(Tensor start) => Trainable(start);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Length == 0 ? parameter : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
        => _routing == LilyRouting.None
            ? weight + Mixed(full([Experts.size(0)], 1.0 / Experts.size(0), device: _b.device)).t().mm(_a).mul(_scale)
            : throw new PeftException($"Lily with the routing '{_routing.ToString().ToLowerInvariant()}' depends on the input, so that '{Path}' has no weight of its own.");

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var y = below.Forward(x);
        var low = linear(x, InTypeOf(x, _a)); // (…, r)
        if (_routing == LilyRouting.None)
        {
            return y + low.matmul(InTypeOf(x, Experts.mean([0L]))).mul(_scale);
        }

        var shares = softmax(linear(low, InTypeOf(x, _router)), -1); // (…, e)
        if (_routing == LilyRouting.Batch)
        {
            return y + low.matmul(InTypeOf(x, Mixed(shares.reshape(-1, shares.size(-1)).mean([0L]).to(_b.dtype)))).mul(_scale);
        }

        var weighted = (shares.unsqueeze(-1) * low.unsqueeze(-2)).flatten(-2); // (…, e·r)
        return y + weighted.matmul(InTypeOf(x, _b)).mul(_scale);
    }

    private Tensor Experts => _b.view(_router.size(0), -1, OutFeatures); // (e, r, out)

    private Tensor Mixed(Tensor shares) => shares.unsqueeze(0).mm(_b.view(_router.size(0), -1)).view(-1, OutFeatures); // (r, out)
}
