using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DiffoRA: a search learns which layers deserve a LoRA of their own; the others of a kind share one.</summary>
/// <remarks>
/// <para>Search: <c>y = W·x + b + γ·(α/r)·B·A·drop(x)</c>, γ learned on rows that are held back. Then γ = 1, with a pair of the layer's own or that of
/// its kind. What the paper means by weight sharing could not be verified; <see cref="DiffoRaOptions.SharesUnselected"/> turns ours off.</para>
/// <para>Shapes: A (r, in), B (out, r). Trains r·(in + out) numbers a layer that was selected, and as many a kind with layers that were not; while
/// the search goes on r·(in + out) a layer, and a logit. Starts as the identity, in both stages: A Kaiming-uniform, B zero.</para>
/// <para>Source: Jiang, Wang and Yuan 2025, arXiv:2502.08905; the alternating search: Liu, Simonyan and Yang 2018, arXiv:1806.09055.</para>
/// </remarks>
public sealed class DiffoRa : AdditiveAdapter, ILowRankPart
{
    private readonly DiffoRaOptions _options;
    private readonly DifferentialAdaptationMatrix _matrix;
    private (Parameter A, Parameter B)? _pair;

    internal DiffoRa(LinearLayer target, string name, DiffoRaOptions options, DifferentialAdaptationMatrix matrix, Initialization initialization)
        : base(target)
    {
        (_options, _matrix, Kind) = (options, matrix, $"{name}.{InFeatures}x{OutFeatures}");
        Own(NewPair(initialization));
    }

    /// <summary>Name of the layer in its block, and its size: layers that may share a pair have the same.</summary>
    public string Kind { get; }

    /// <summary>True if it has a pair of its own.</summary>
    public bool HasOwn { get; private set; }

    /// <summary>A (r, in), or null where the layer has no adapter.</summary>
    public Parameter? A => _pair?.A;

    /// <summary>B (out, r), or null where the layer has no adapter.</summary>
    public Parameter? B => _pair?.B;

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => _pair is { } pair
        ? (pair.A, _matrix.IsDiscrete ? pair.B : pair.B * _matrix.GateOf(this), Scale)
        : (zeros([_options.Rank, InFeatures], device: Layer.Weight.Dense().device), zeros([OutFeatures, _options.Rank], device: Layer.Weight.Dense().device), Scale);

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new Lora(Layer, a, b, 1);

    private double Scale => _options.Alpha / _options.Rank;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Length == 0 ? parameter : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        if (_pair is not { } pair)
        {
            return zeros([OutFeatures, InFeatures], device: Layer.Weight.Dense().device);
        }

        var delta = pair.B.mm(pair.A).mul(Scale);
        return _matrix.IsDiscrete ? delta : delta * _matrix.GateOf(this);
    }

    /// <inheritdoc/>
    protected override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
    {
        if (_pair is not { } pair)
        {
            return output;
        }

        var low = linear(context.Dropout(x, _options.Dropout), InTypeOf(x, pair.A)).mul(Scale);
        low = _matrix.IsDiscrete ? low : low * InTypeOf(x, _matrix.GateOf(this));
        return output + linear(low, InTypeOf(x, pair.B));
    }

    /// <summary>A pair that does nothing yet.</summary>
    internal (Parameter A, Parameter B) NewPair(Initialization initialization)
        => (Trainable(initialization.KaimingUniform(_options.Rank, InFeatures)), Trainable(initialization.Zeros(OutFeatures, _options.Rank)));

    /// <summary>Has a pair of its own from now on: a new one, or the one that the search has trained times its weight.</summary>
    internal void KeepOwn(Initialization initialization)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (a, b) = _pair!.Value;
        if (_options.StartsAnew)
        {
            a.copy_(initialization.KaimingUniform(_options.Rank, InFeatures));
            b.zero_();
        }
        else
        {
            b.mul_(_matrix.GateOf(this));
        }
    }

    /// <summary>Has no pair of its own from now on.</summary>
    /// <param name="shared">That of its kind, or null for none.</param>
    internal void Share((Parameter A, Parameter B)? shared)
    {
        var (a, b) = _pair!.Value;
        register_parameter("lora_A", null!);
        register_parameter("lora_B", null!);
        a.Dispose();
        b.Dispose();
        (_pair, HasOwn) = (shared, false);
    }

    private void Own((Parameter A, Parameter B) pair)
    {
        (_pair, HasOwn) = (pair, true);
        register_parameter("lora_A", pair.A);
        register_parameter("lora_B", pair.B);
    }
}
