using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Compacter: bottleneck adapters whose layers are sums of Kronecker products with a small shared factor.</summary>
/// <remarks>
/// <para><c>h ← h + gelu(x·H₁ + d)·H₂ + u</c> with <c>H = Σᵢ Cᵢ ⊗ (Lᵢ·Rᵢ)</c>; x is h, or for Compacter++ as in <see cref="PfeifferOptions"/>.</para>
/// <para>Shapes: C (n, n, n), one for all layers; L (n, in/n, k); R (n, k, out/n). Trains n³ and for each adapter
/// 2·k·(hidden + m) + m + hidden numbers. Starts near the identity: C is tiny.</para>
/// <para>Source: Karimi Mahabadi et al. 2021, arXiv:2106.04647, §3.3.</para>
/// </remarks>
public sealed class Compacter : BlockAdapter
{
    [ComponentName(Name = "adapter_down.W_left")] private readonly Parameter _downLeft;   // (n, hidden/n, k)
    [ComponentName(Name = "adapter_down.W_right")] private readonly Parameter _downRight; // (n, k, m/n)
    [ComponentName(Name = "adapter_down.bias")] private readonly Parameter _downBias;     // (m)
    [ComponentName(Name = "adapter_up.W_left")] private readonly Parameter _upLeft;       // (n, m/n, k)
    [ComponentName(Name = "adapter_up.W_right")] private readonly Parameter _upRight;     // (n, k, hidden/n)
    [ComponentName(Name = "adapter_up.bias")] private readonly Parameter _upBias;         // (hidden)

    private readonly Func<Tensor> _rule; // not a module of this one: it belongs to all
    private readonly BottleneckInput _input;

    internal Compacter(
        string path, BlockPoint point, int block, BottleneckInput input, long hidden, long width, CompacterRule rule, CompacterOptions options, Initialization initialization)
        : base(path, point, block)
    {
        (_rule, _input) = (rule.Value, input);
        (_downLeft, _downRight) = Factors(hidden, width);
        _downBias = Trainable(initialization.Zeros(width));
        (_upLeft, _upRight) = Factors(width, hidden);
        _upBias = Trainable(initialization.Zeros(hidden));
        RegisterComponents();

        (Parameter Left, Parameter Right) Factors(long from, long to)
        {
            var (n, rank) = (options.Dimension, options.Rank);
            return (
                Trainable(initialization.Normal(Math.Sqrt(2.0 / ((from / n) + rank)), n, from / n, rank)),
                Trainable(initialization.Normal(Math.Sqrt(2.0 / (rank + (to / n))), n, rank, to / n)));
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context)
    {
        var x = BottleneckForm.Read(_input, hidden, state, Path);
        var rule = _rule();
        var inner = Activation.Gelu(Multiply(x, rule, _downLeft, _downRight) + InTypeOf(x, _downBias));
        return hidden + Multiply(inner, rule, _upLeft, _upRight) + InTypeOf(x, _upBias);
    }

    // x·Σᵢ Cᵢ ⊗ (Lᵢ·Rᵢ), whose entry (a·p + r, b·q + s) is Σᵢ Cᵢ[a, b]·(Lᵢ·Rᵢ)[r, s].
    private static Tensor Multiply(Tensor x, Tensor rule, Parameter left, Parameter right)
    {
        var (n, p, q) = (rule.size(0), left.size(1), right.size(2));
        var products = left.bmm(right).view(n, p * q);
        var matrix = rule.view(n, n * n).t().mm(products).view(n, n, p, q).permute(0, 2, 1, 3).reshape(n * p, n * q);
        return x.mm(InTypeOf(x, matrix));
    }
}

/// <summary>The factor C (n, n, n) that the layers of <see cref="Compacter"/> share.</summary>
public sealed class CompacterRule : ModelAdapter
{
    private readonly Parameter? phm_rule;       // (n, n, n)
    private readonly Parameter? phm_rule_left;  // (n, n, 1)
    private readonly Parameter? phm_rule_right; // (n, 1, n)

    internal CompacterRule(CompacterOptions options, Initialization initialization)
        : base("COMPACTER")
    {
        const double Deviation = 1e-4;
        var n = options.Dimension;
        if (options.FactorizesRule)
        {
            phm_rule_left = Make(n, n, 1);
            phm_rule_right = Make(n, 1, n);
        }
        else
        {
            phm_rule = Make(n, n, n);
        }

        RegisterComponents();

        Parameter Make(params long[] shape)
            => options.LearnsRule ? Trainable(initialization.Normal(Deviation, shape)) : Frozen(initialization.Normal(Deviation, shape));
    }

    internal Tensor Value() => phm_rule ?? phm_rule_left!.bmm(phm_rule_right!);
}

/// <summary>Settings of <see cref="Compacter"/>.</summary>
[AdapterMethod(
    "COMPACTER", AdapterFamily.Bottleneck, Title = "Compacter, Compacter++", Paper = "arXiv:2106.04647", Formula = "h + gelu(x·H₁ + d)·H₂ + u, H = Σᵢ Cᵢ ⊗ (Lᵢ·Rᵢ)",
    Trained = "2·k·(hidden + m) + m + hidden an adapter, n³ a model")]
public sealed record CompacterOptions : BottleneckOptions
{
    /// <summary>True for Compacter++: behind the feed-forward part alone. Default false: behind the attention too.</summary>
    [JsonPropertyName("feed_forward_only")]
    public bool FeedForwardOnly { get; init; }

    /// <summary>The hidden width divided by the width m of the bottleneck, above 0. Default 32.</summary>
    [JsonPropertyName("reduction_factor")]
    public double ReductionFactor { get; init; } = 32;

    /// <summary>Size n of the shared factor, a divisor of both widths: 1 or more. Default 4.</summary>
    [JsonPropertyName("phm_dim")]
    public int Dimension { get; init; } = 4;

    /// <summary>Rank k of the layers' own factors: 1 or more. Default 1.</summary>
    [JsonPropertyName("phm_rank")]
    public int Rank { get; init; } = 1;

    /// <summary>Make the shared factor of a product of rank 1. Default false.</summary>
    [JsonPropertyName("factorized_phm_rule")]
    public bool FactorizesRule { get; init; }

    /// <summary>Train the shared factor. Default true.</summary>
    [JsonPropertyName("learn_phm")]
    public bool LearnsRule { get; init; } = true;

    /// <inheritdoc/>
    protected override IReadOnlyList<string> UnsupportedFields => ["shared_W_phm"];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.Positive(ReductionFactor);
        Guard.AtLeast(Dimension, 1);
        Guard.AtLeast(Rank, 1);
    }

    /// <inheritdoc/>
    protected internal override Adapter CreateShared(AdapterBuild build) => new CompacterRule(this, build.Initialization);

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared)
    {
        if (!FeedForwardOnly)
        {
            yield return Make(site.Attention, BlockPoint.AfterAttention, BottleneckInput.Hidden);
        }

        yield return Make(site.FeedForward, BlockPoint.AfterFeedForward, FeedForwardOnly ? BottleneckInput.Sum : BottleneckInput.Hidden);

        Compacter Make(Layer after, BlockPoint point, BottleneckInput input)
        {
            var (hidden, width) = (site.Width, WidthOf(site.Width, ReductionFactor));
            return hidden % Dimension == 0 && width % Dimension == 0
                ? new Compacter(build.PathOf(after), point, site.Index, input, hidden, width, (CompacterRule)shared!, this, build.Initialization)
                : throw new PeftException(
                    $"Dimension is {Dimension}; it must divide the hidden width, {hidden}, and that of the bottleneck, {width}. Set Dimension or ReductionFactor.");
        }
    }
}
