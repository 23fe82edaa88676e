using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoRA: a trained low-rank product beside a frozen linear layer.</summary>
/// <remarks>
/// <para><c>y = W·x + b + s·B·A·drop(x)</c> with <c>s = α/r</c>, or <c>α/√r</c> when rank-stabilized; with <c>lora_bias</c> also <c>+ s·β</c>.</para>
/// <para>Shapes: x (…, in); W (out, in); A (r, in); B (out, r); β (out); y (…, out). Trains r·(in + out) numbers, with a bias out more.</para>
/// <para>Starts as the identity: A is Kaiming-uniform (a = √5), B is zero; other starts: <see cref="LoraStart"/>. Where a start is not zero, what it adds
/// is taken out of the base: <c>W − s·B₀·A₀ + s·B·A</c>; the base itself stays as it is.</para>
/// <para>Source: Hu et al. 2021, arXiv:2106.09685, §4.1; rank-stabilized: Kalajdzievski 2023, arXiv:2312.03732.</para>
/// </remarks>
public sealed class Lora : AdditiveAdapter, ILowRankPart, ILowRankUpdate, ILoraPart
{
    private readonly LoraFactors _factors;
    private readonly Parameter? _bias; // (out)
    private readonly InvocationGate? _gate;

    /// <summary>Puts LoRA on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside the range that its property names.</exception>
    /// <exception cref="PeftException">The start does not fit the layer.</exception>
    public Lora(LinearLayer target, LoraOptions options, AdapterBuild build)
        : this(target, options, build, options.InvocationTokens is null ? null : new InvocationGate(options.InvocationTokens))
    {
    }

    internal Lora(LinearLayer target, LoraOptions options, AdapterBuild build, InvocationGate? gate, LoraStartFactors? start = null)
        : base(target)
    {
        _gate = gate;
        _factors = LoraFactors.Create(this, Path, target.Weight.Dense(), options, build.Initialization, start);
        if (options.HasBias)
        {
            _bias = Trainable(build.Initialization.Zeros(OutFeatures));
            register_parameter("bias", _bias);
        }
    }

    internal Lora(LinearLayer target, Tensor a, Tensor b, double scale, Tensor? bias = null)
        : base(target)
    {
        _factors = LoraFactors.Of(this, a, b, scale);
        if (bias is not null)
        {
            _bias = Trainable(bias);
            register_parameter("bias", _bias);
        }
    }

    internal LoraFactors Factors => _factors;

    /// <summary>β (out), or null.</summary>
    internal Parameter? Bias => _bias;

    /// <summary>What is added to every output (out), or null.</summary>
    internal Tensor? BiasUpdate => _bias?.mul(_factors.Scale);

    LoraFactors ILoraPart.Factors => _factors;

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors => _factors.Updated;

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
        => (_factors.Updated.A, _factors.Updated.B.mul(_factors.Scale), _bias?.mul(_factors.Scale));

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new Lora(Layer, a, b, 1);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter == "bias" ? "lora_B.bias" : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written() => base.Written().Select(w => _factors.Written(w.Parameter, w.Tensor));

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes)
    {
        if (shapes.TryGetValue(FileName("lora_B"), out var shape))
        {
            _factors.Expect(shape[0]);
        }
    }

    /// <inheritdoc/>
    protected internal override void Loaded() => _factors.Loaded();

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _factors.Delta(); // (out, in)

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias)
        => _bias is null ? bias : bias is null ? _bias.mul(_factors.Scale) : bias + _bias.mul(_factors.Scale);

    /// <inheritdoc/>
    protected override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
    {
        var dropped = _factors.Dropped(x, context);
        if (_gate is not null)
        {
            var update = _factors.Apply(dropped);
            return output + ((_bias is null ? update : update + InTypeOf(x, _bias.mul(_factors.Scale))) * _gate.Of(x, context));
        }

        var sum = x.dim() == 2 ? _factors.AddTo(output, dropped) : output + _factors.Apply(dropped);
        return _bias is null ? sum : sum + InTypeOf(x, _bias.mul(_factors.Scale));
    }
}
