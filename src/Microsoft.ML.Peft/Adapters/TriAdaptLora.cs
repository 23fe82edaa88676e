using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>TriAdaptLoRA: LoRA with a square core of two triangles, whose rank grows while training where the core grows fastest.</summary>
/// <remarks>
/// <para><c>y = W·x + b + α/(r + 10⁻⁵)·B·C·A·drop(x)</c>, <c>C = L + U</c>: the ranks come in blocks of a₁, a₂, … with n_k = a₁ + … + a_k; the rows of
/// block k of L are Crow_k, its columns of U are Ccol_k, so that the square of a block with itself is the sum of both.</para>
/// <para>Shapes: A_k (a_k, in), B_k (out, a_k), Crow_k (a_k, n_k), Ccol_k (n_k, a_k). Trains r·(in + out) + 2·Σ a_k·n_k numbers.</para>
/// <para>Starts as the identity: A and B normal with deviation 0.02, the core zero; new blocks likewise, so that growing changes the update by
/// nothing but its factor. The authors' code at hand starts everything but A at zero, where each gradient is zero for ever.</para>
/// <para>Source: Liang, Wang and Zeng 2025, arXiv:2501.08008.</para>
/// </remarks>
public sealed class TriAdaptLora : AdditiveAdapter, ILowRankPart
{
    private const double Deviation = 0.02;

    private readonly TriAdaptLoraOptions _options;
    private readonly List<TriAdaptBlock> _blocks = [];
    private readonly TriangularCore _core = new();
    private JoinedBlocks? _joined; // while a training step goes on

    /// <summary>Puts TriAdaptLoRA on a layer.</summary>
    public TriAdaptLora(LinearLayer target, TriAdaptLoraOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        foreach (var size in options.BlocksOf(Path))
        {
            Add(size, build.Initialization, options.Start);
        }

        PreviousScore = options.PreviousScores is not null && options.PreviousScores.TryGetValue(Path, out var score) ? score : Norm() / Divisor;
    }

    /// <summary>Rank r: the sum of the blocks.</summary>
    public int Rank => _blocks.Sum(block => block.Size);

    /// <summary>Sizes a_k of the blocks.</summary>
    public IReadOnlyList<int> BlockSizes => [.. _blocks.Select(block => block.Size)];

    /// <summary>The core's norm over its divisor at the evaluation before.</summary>
    internal double PreviousScore { get; set; }

    /// <summary>The core C (r, r).</summary>
    internal Tensor Core => Joined?.Core ?? _core.Of(_blocks);

    /// <summary>A (r, in).</summary>
    internal Tensor A => Joined?.A ?? TriAdaptBlock.Rows(_blocks);

    /// <summary>B (out, r).</summary>
    internal Tensor B => Joined?.B ?? TriAdaptBlock.Columns(_blocks);

    private JoinedBlocks? Joined => is_grad_enabled() ? _joined : null;

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => (A, B.mm(Core), Scale);

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new Lora(Layer, a, b, 1);

    private double Scale => (_options.Alpha > 0 ? _options.Alpha : _options.InitialRank) / (Rank + 1e-5);

    private double Divisor => _options.Divisor == TriAdaptDivisor.Blocks ? _blocks.Count : Rank;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter)
        => parameter.LastIndexOf('_') is > 0 and var end ? $"{parameter[..end]}.{parameter[(end + 1)..]}" : parameter; // lora_A_0 is lora_A.0

    /// <summary>Blocks that appear mid-run have the weight decay of the settings.</summary>
    protected internal override OptimizerGroup GroupOf(string parameter)
        => parameter.EndsWith("_0", StringComparison.Ordinal) ? new("") : new("grown") { WeightDecay = _options.WeightDecay };

    /// <inheritdoc/>
    protected internal override Tensor Delta() => B.mm(Core.mm(A)).mul(Scale);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var low = linear(context.Dropout(x, _options.Dropout), InTypeOf(x, A)); // (…, r)
        return linear(linear(low, InTypeOf(x, Core.mul(Scale))), InTypeOf(x, B));
    }

    /// <summary>Joins the blocks for a training step, in which no number of theirs changes; a single block is joined already.</summary>
    internal void Join()
    {
        Separate();
        _joined = _blocks.Count > 1 ? new JoinedBlocks(_blocks, _core) : null;
    }

    /// <summary>Gives the blocks the gradients of what was joined.</summary>
    internal void HandBack() => _joined?.HandBack(_blocks);

    /// <summary>Ends the step that <see cref="Join"/> began.</summary>
    internal void Separate()
    {
        _joined?.Dispose();
        _joined = null;
    }

    /// <summary>How far from orthogonal the factors are: <c>‖A·Aᵀ − I‖ + ‖Bᵀ·B − I‖</c>.</summary>
    internal Tensor Skewness()
    {
        var (a, b) = (A, B);
        return Distance(a.mm(a.t())) + Distance(b.t().mm(b));

        static Tensor Distance(Tensor product) => (product - eye(product.size(0), device: product.device)).norm();
    }

    /// <summary>How much the core's norm, over its divisor, has grown since the last time.</summary>
    internal double Evaluate()
    {
        var now = Norm() / Divisor;
        var score = now - PreviousScore;
        PreviousScore = now;
        return score;
    }

    /// <summary>Adds a block. What the layer computes stays, up to the factor, or with <see cref="TriAdaptLoraOptions.RescalesOnGrowth"/> altogether.</summary>
    internal void Grow(int size)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var before = Scale;
        // A stream for each block, so that a run that goes on from a file draws the same numbers.
        using var stream = new Initialization(_options.GrowthSeed + (Target.Index * 1_000_003L) + (_blocks.Count * 7919L), _blocks[0].A.device);
        Add(size, stream, TriAdaptStart.CoreZero);
        if (_options.RescalesOnGrowth)
        {
            // Not (r + a)/r, which the 10⁻⁵ in the scale makes inexact. The norm to compare with grows along: this is nothing learned.
            var factor = before / Scale;
            _blocks.ForEach(block => block.Rescale(factor));
            PreviousScore *= factor;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _core.Dispose();
            _joined?.Dispose();
        }

        base.Dispose(disposing);
    }

    private double Norm()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Core.norm().item<float>();
    }

    private void Add(int size, Initialization stream, TriAdaptStart start)
    {
        var (index, whole) = (_blocks.Count, Rank + size);
        var isCoreZero = start == TriAdaptStart.CoreZero;
        var block = new TriAdaptBlock(
            size,
            Named("lora_A", stream.Normal(Deviation, size, InFeatures)),
            Named("lora_B", isCoreZero || index > 0 ? stream.Normal(Deviation, OutFeatures, size) : stream.Zeros(OutFeatures, size)),
            Named("lora_Crow", isCoreZero ? stream.Zeros(size, whole) : stream.Normal(Deviation, size, whole)),
            Named("lora_Ccol", isCoreZero ? stream.Zeros(whole, size) : stream.Normal(Deviation, whole, size)));
        _blocks.Add(block);
        _core.Arrange(BlockSizes, block.A.device);

        Parameter Named(string name, Tensor values)
        {
            var parameter = Trainable(values);
            register_parameter($"{name}_{index}", parameter);
            return parameter;
        }
    }
}
