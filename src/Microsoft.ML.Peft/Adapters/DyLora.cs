using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DyLoRA: one LoRA that is trained so that each truncation to a smaller rank works.</summary>
/// <remarks>
/// <para><c>y = W·x + b + (α/b)·B_b·A_b·drop(x)</c> with the first b rows of A and columns of B; before each step one b is drawn for all layers.</para>
/// <para>Shapes: A (r, in); B (out, r). Trains r·(in + out) numbers. Starts as the identity at each rank: A Kaiming-uniform, B zero.</para>
/// <para>While frozen, which is the authors' way, only the last block of the drawn rank gets a gradient; the optimizer is not masked, as in their code, so
/// that momentum and decay move the other ranks too. <see cref="DyLoraOptions.MasksStep"/> masks it, as the paper's algorithm says.</para>
/// <para>Source: Valipour et al. 2023, arXiv:2210.07558.</para>
/// </remarks>
public sealed class DyLora : AdditiveAdapter, ILowRankUpdate
{
    private readonly Parameter _a; // (r, in)
    private readonly Parameter _b; // (out, r)
    private readonly DyLoraOptions _options;
    private int _rank;

    /// <summary>Puts DyLoRA on a layer, at its full rank.</summary>
    public DyLora(LinearLayer target, DyLoraOptions options, AdapterBuild build)
        : base(target)
    {
        (_options, _rank) = (options, options.Rank);
        _a = Trainable(build.Initialization.KaimingUniform(options.Rank, InFeatures));
        _b = Trainable(build.Initialization.Zeros(OutFeatures, options.Rank));
        register_parameter("lora_A", _a);
        register_parameter("lora_B", _b);
    }

    /// <summary>The rank b that is in effect: 1 to r.</summary>
    public int ActiveRank
    {
        get => _rank;
        set
        {
            Guard.InRange(value, 1, _options.Rank, nameof(ActiveRank));
            _rank = value;
        }
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var (a, b) = Active(training: false);
        return b.mm(a).mul(_options.Alpha / _rank);
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var (a, b) = Active(context.Training);
        return linear(linear(context.Dropout(x, _options.Dropout), InTypeOf(x, a)).mul(_options.Alpha / _rank), InTypeOf(x, b));
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
    {
        var (a, b) = Active(training: false);
        return (a, b.mul(_options.Alpha / _rank), null);
    }

    /// <summary>A copy of both factors.</summary>
    internal (Tensor A, Tensor B) Copy() => (_a.detach().clone(), _b.detach().clone());

    /// <summary>Takes back all of both factors but the last block of the rank in effect.</summary>
    internal void RestoreAllButLast(Tensor a, Tensor b)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (first, size) = (_rank - _options.BlockSize, _options.BlockSize);
        a.narrow(0, first, size).copy_(_a.narrow(0, first, size));
        b.narrow(1, first, size).copy_(_b.narrow(1, first, size));
        _a.copy_(a);
        _b.copy_(b);
    }

    /// <summary>A plain LoRA of a smaller rank: the first b rows and columns, which other runtimes read.</summary>
    internal Lora Truncated(int rank)
    {
        using var _ = no_grad();
        return new Lora(
            Layer,
            _a.narrow(0, 0, rank).clone().DetachFromDisposeScope(),
            _b.narrow(1, 0, rank).clone().contiguous().DetachFromDisposeScope(),
            _options.Alpha / rank);
    }

    private (Tensor A, Tensor B) Active(bool training)
    {
        var (a, b) = (_a.narrow(0, 0, _rank), _b.narrow(1, 0, _rank));
        var below = _rank - _options.BlockSize;
        if (!training || !_options.TrainsLastOnly || below <= 0)
        {
            return (a, b);
        }

        return (
            cat([_a.narrow(0, 0, below).detach(), _a.narrow(0, below, _options.BlockSize)]),
            cat([_b.narrow(1, 0, below).detach(), _b.narrow(1, below, _options.BlockSize)], 1));
    }
}
