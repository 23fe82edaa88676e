using System.Globalization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>PEANuT, also called NEAT: the update of a frozen weight is a small network of that weight.</summary>
/// <remarks>
/// <para><c>ΔWᵀ = s·M·Bᵀ</c>. <c>H₀ = σ(Wᵀ·Aᵀ)</c>, <c>Hᵢ₊₁ = σ(Hᵢ·Eᵢᵀ)</c>, then <c>M ← σ(M·Dᵢᵀ) + H</c> with the H of the encoders in turn,
/// last first. With side <c>input</c> it reads the weight row by row: <c>ΔW = s·σ(W·Aᵀ)…·Bᵀ</c>.</para>
/// <para>Shapes: A (r, out), B (out, r), Eᵢ and Dᵢ (r, r); with side <c>input</c> A (r, in), B (in, r). Trains 2·r·out + 2·depth·r² numbers.
/// Starts as the identity: B zero, the others Kaiming-uniform. The weight's network runs once a training pass and once a prediction; the update itself is made only where the
/// settings ask for it. It is computed in the type of A beside a base of another type. The network reads the weight as it is without any merge. A function with σ(0) ≠ 0 lets B alone move rows of zeros.</para>
/// <para>Source: Zhong et al. 2024, arXiv:2410.01870, §3.</para>
/// </remarks>
public sealed class Peanut : AdditiveAdapter, ILowRankUpdate
{
    private readonly PeanutOptions _options;
    private readonly Func<Tensor, Tensor> _bend;
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly List<Parameter> _encoders = [];
    private readonly List<Parameter> _decoders = [];

    /// <summary>Puts PEANuT on a layer.</summary>
    public Peanut(LinearLayer target, PeanutOptions options, AdapterBuild build)
        : base(target)
    {
        (_options, _bend) = (options, Activation.Named(options.Function));
        var start = build.Initialization;
        long rank = options.Rank;
        var width = options.Side == PeanutSide.Output ? OutFeatures : InFeatures;
        _a = Register("peanut_A", start.KaimingUniform(rank, width));
        for (var k = 0; k < options.Depth; k++)
        {
            _encoders.Add(Register(string.Create(CultureInfo.InvariantCulture, $"peanut_encoders-{k}"), start.KaimingUniform(rank, rank)));
        }

        for (var k = 0; k < options.Depth; k++)
        {
            _decoders.Add(Register(string.Create(CultureInfo.InvariantCulture, $"peanut_decoders-{k}"), start.KaimingUniform(rank, rank)));
        }

        _b = Register("peanut_B", options.IdentityStart ? start.Zeros(width, rank) : start.KaimingUniform(width, rank));
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Length == 0 ? parameter : parameter.Replace('-', '.') + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var (a, b, _) = Update();
        return b.mm(a);
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update() => Update();

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var ((a, b), given) = (Factors(context), InTypeOf(_a, x));
        var update = _options.Materializes ? linear(given, b.mm(a)) : linear(linear(given, a), b);
        return InTypeOf(x, _options.Scaling == 1 ? update : update.mul(_options.Scaling));
    }

    /// <inheritdoc/>
    protected override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
    {
        if (_options.Materializes || x.dim() != 2 || x.dtype != _a.dtype)
        {
            return output + Correction(x, context);
        }

        var (a, b) = Factors(context);
        return output.addmm(linear(x, a), b.t(), 1f, (float)_options.Scaling);
    }

    // (r, in) and (out, r): as if it were a LoRA of that rank.
    private (Tensor A, Tensor B, Tensor? Bias) Update()
    {
        var inner = Inner().mul(_options.Scaling); // (in, r), or (out, r)
        return _options.Side == PeanutSide.Output ? (inner.t(), _b, null) : (_b.t(), inner, null);
    }

    // The same without the scale; a prediction runs the network once.
    private (Tensor A, Tensor B) Factors(ForwardContext context)
    {
        var inner = context.Once(this, "inner", _a.dtype, Inner);
        return _options.Side == PeanutSide.Output ? (inner.t(), _b) : (_b.t(), inner);
    }

    private Tensor Inner()
    {
        var weight = _options.Side == PeanutSide.Output ? OriginalWeight.t() : OriginalWeight;
        var hidden = _bend(weight.dtype == _a.dtype ? linear(weight, _a) : HalfWeight.apply(weight, _a));
        var before = new Stack<Tensor>();
        foreach (var encoder in _encoders)
        {
            before.Push(hidden);
            hidden = _bend(linear(hidden, encoder));
        }

        foreach (var decoder in _decoders)
        {
            hidden = _bend(linear(hidden, decoder)) + before.Pop();
        }

        return hidden;
    }

    private Parameter Register(string name, Tensor start)
    {
        var parameter = Trainable(start);
        register_parameter(name, parameter); // no dots in names
        return parameter;
    }

    /// <summary><c>W·Aᵀ</c> in the type of A for a W of half precision, of which no copy is kept for the backward pass.</summary>
    private sealed class HalfWeight : autograd.SingleTensorFunction<HalfWeight>
    {
        public override string Name => nameof(HalfWeight);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (weight, a) = ((Tensor)vars[0], (Tensor)vars[1]);
            ctx.save_for_backward([weight]);
            return linear(weight.to(a.dtype), a);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope(); // on a GPU's thread there is no other
            var weight = ctx.get_saved_variables()[0].to(grad_output.dtype);
            return [null!, weight.t().mm(grad_output).t().MoveToOuterDisposeScope()];
        }
    }
}
