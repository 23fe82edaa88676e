using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The thin path of Lily, whatever it stands beside: <c>s·Σ_e π_e·B_eᵀ·σ(A·x)</c>.</summary>
internal sealed class LilyMixture
{
    private const double Momentum = 0.99;

    private readonly Parameter _b; // (e·r, out)
    private readonly Parameter _router; // (e, r)
    private readonly Parameter? _shares; // (e), the mean of the training run
    private readonly Func<Tensor, Tensor>? _bend;
    private readonly long _experts;
    private bool _hasShares;

    /// <summary>Registers the tensors on the part that owns the path.</summary>
    public LilyMixture(nn.Module owner, string prefix, LilyOptions options, LilyPool.Share share, string? function, Initialization initialization)
    {
        (Options, A, _b) = (options, share.A, share.B);
        (_experts, _bend) = (options.Experts, function is null ? null : Activation.Named(function));
        _router = Kept(initialization.KaimingUniform(_experts, A.size(0)), trained: options.Routing != LilyRouting.None); // else it has no say
        owner.register_parameter(prefix + "A", A);
        owner.register_parameter(prefix + "B", _b);
        owner.register_parameter(prefix + "router", _router);
        if (options.PredictsByRun)
        {
            _shares = Kept(initialization.Constant(1.0 / _experts, _experts), trained: false);
            owner.register_parameter(prefix + "shares", _shares);
        }
    }

    public LilyOptions Options { get; }

    /// <summary>A (r, in).</summary>
    public Parameter A { get; }

    public bool ReadsOtherTokens => Options.Routing == LilyRouting.Batch;

    /// <summary>True where predictions are the same linear function of each token.</summary>
    public bool IsLinear => _bend is null && (Options.Routing == LilyRouting.None || _shares is not null);

    public static string FileName(string parameter) => parameter.Length == 0 || parameter.EndsWith("shares", StringComparison.Ordinal) ? parameter : parameter + ".weight";

    /// <summary>The shares of a file are those of a run.</summary>
    public void Loaded() => _hasShares = true;

    /// <summary>The up-projection (r, out) of the shares that do not depend on the input.</summary>
    public Tensor Fixed() => _shares is null ? Experts().mean([0L]) : Mixed(_shares);

    /// <summary>What is added: x (…, in) gives (…, out). Computed in the type of A, as HF PEFT does beside a base of another type.</summary>
    public Tensor Update(Tensor x, ForwardContext context)
    {
        var added = Of(Adapter.InTypeOf(A, x), context).mul(Options.Scaling);
        return Adapter.InTypeOf(x, added);
    }

    private Tensor Of(Tensor x, ForwardContext context)
    {
        var low = linear(x, A); // (…, r)
        low = _bend is null ? low : _bend(low);
        if (Options.Routing == LilyRouting.None || (_shares is not null && !context.Training))
        {
            return low.matmul(Fixed());
        }

        var shares = softmax(linear(low, _router), -1); // (…, e)
        if (Options.Routing == LilyRouting.Batch)
        {
            var mean = Mean(shares.reshape(-1, _experts), context);
            Follow(mean);
            return low.matmul(Mixed(mean));
        }

        var weighted = (shares.unsqueeze(-1) * low.unsqueeze(-2)).flatten(-2); // (…, e·r): no up-projection a token is made
        return weighted.matmul(_b);
    }

    private Tensor Mean(Tensor shares, ForwardContext context) // (tokens, e) gives (e)
    {
        if (!Options.IgnoresPadding || context.Inputs?.Tokens?.Mask is not { } mask)
        {
            return shares.mean([0L]);
        }

        if (context.Inputs.DecoderTokens is not null || mask.numel() != shares.size(0))
        {
            throw new PeftException(
                $"mask_padding is set, and a layer sees {shares.size(0)} tokens where the batch has {mask.numel()}; it works on models all of whose layers see each token once.");
        }

        var real = Adapter.InTypeOf(shares, mask.to(ScalarType.Float32) / mask.sum());
        return real.unsqueeze(0).mm(shares).squeeze(0);
    }

    private void Follow(Tensor shares)
    {
        if (_shares is null)
        {
            return;
        }

        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _shares.copy_(_hasShares ? (_shares * Momentum) + (shares * (1 - Momentum)) : shares);
        _hasShares = true;
    }

    private Tensor Experts() => _b.view(_experts, -1, _b.size(1)); // (e, r, out)

    private Tensor Mixed(Tensor shares) => shares.unsqueeze(0).mm(_b.view(_experts, -1)).view(-1, _b.size(1)); // (r, out)

    private static Parameter Kept(Tensor values, bool trained)
    {
        var parameter = new Parameter(values, requires_grad: trained);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}

/// <summary>Deals out the tensors that Lily's layers share, to layers of a kind in order.</summary>
internal sealed class LilyPool(LilyOptions options, Initialization initialization)
{
    private readonly Dictionary<(string Name, long Inputs, long Outputs), (int Layers, Parameter A, Parameter B)> _kinds = [];

    /// <summary>What the next layer of a kind gets.</summary>
    public Share Next(string name, long inputs, long outputs, int rank)
    {
        var kind = (name, inputs, outputs);
        var known = _kinds.TryGetValue(kind, out var shared);
        var (newA, newB) = (!known || shared.Layers % options.Stride == 0, !known);
        if (newA)
        {
            shared.A = Shared(initialization.KaimingUniform(rank, inputs));
        }

        if (newB)
        {
            var rows = (long)options.Experts * rank;
            shared.B = Shared(options.IdentityStart ? initialization.Zeros(rows, outputs) : initialization.KaimingUniform(rows, outputs));
        }

        shared.Layers++;
        _kinds[kind] = shared;
        return new(shared.A, shared.B, newA, newB);
    }

    private static Parameter Shared(Tensor start)
    {
        var parameter = new Parameter(start);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>A (r, in) and B (e·r, out), and whether no layer before has them.</summary>
    internal readonly record struct Share(Parameter A, Parameter B, bool IsFirstOfA, bool IsFirstOfB);
}
