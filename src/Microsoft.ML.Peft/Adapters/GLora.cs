using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>GLoRA: a weight and its bias, each scaled and shifted by trained tensors of a chosen form.</summary>
/// <remarks>
/// <para><c>W' = W + W ⊙ A + B</c> and <c>b' = b + b ⊙ D + E + W·C</c>; the second only for a layer with a bias.</para>
/// <para>Each of A and B (out, in) is a product <c>Xd·Xu</c> (out, r)·(r, in), a column (out, 1), one number, or nothing; C (in, 1) a product
/// (in, r)·(r, 1), a column, or nothing; D and E (out) a vector, one number, or nothing.</para>
/// <para>Starts as the identity: Xu Kaiming-uniform, all others zero. Only a product for A makes a matrix of the weight's size.</para>
/// <para>Source: Chavan et al. 2023, arXiv:2306.07967, §3.</para>
/// </remarks>
public sealed class GLora : LinearAdapter
{
    private readonly Factors _a;
    private readonly Factors _b;
    private readonly Factors _c;
    private readonly Factors _d;
    private readonly Factors _e;

    /// <summary>Puts GLoRA on a layer.</summary>
    public GLora(LinearLayer target, GLoraOptions options, AdapterBuild build)
        : base(target)
    {
        var hasBias = target.Bias is not null;
        var ofInput = hasBias ? options.InputForm : GLoraForm.None;
        var ofBias = hasBias ? options.BiasForm : GLoraForm.None;
        _a = Make("glora_A", options.WeightForm, OutFeatures, InFeatures);
        _b = Make("glora_B", options.WeightForm, OutFeatures, InFeatures);
        _c = Make("glora_C", ofInput, InFeatures, 1);
        _d = Make("glora_D", ofBias, OutFeatures);
        _e = Make("glora_E", ofBias, OutFeatures);

        Factors Make(string name, GLoraForm form, params long[] shape)
        {
            var (start, identity) = (build.Initialization, options.IdentityStart);
            switch (form)
            {
                case GLoraForm.Lora:
                    long rank = options.Rank;
                    var up = Trainable(start.KaimingUniform(rank, shape[1]));
                    var down = Trainable(identity ? start.Zeros(shape[0], rank) : start.KaimingUniform(shape[0], rank));
                    return new(Register(name, "Xd", down), Register(name, "Xu", up));
                case GLoraForm.Vector:
                    long[] column = shape.Length == 2 ? [shape[0], 1] : shape;
                    return new(Register(name, "X", Trainable(identity ? start.Zeros(column) : start.KaimingUniform(column))));
                case GLoraForm.Constant:
                    return new(Register(name, "X", Trainable(identity ? start.Zeros(1) : start.Normal(0.02, 1))));
                default:
                    Register(name, "zeros", Frozen(start.Zeros(shape))); // HF PEFT's files hold them
                    return default;
            }
        }
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Replace('-', '.');

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => !parameter.EndsWith("-zeros", StringComparison.Ordinal);

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        if (_a.Value is { } a)
        {
            weight = weight + (OriginalWeight * a);
        }

        return _b.Value is { } b ? weight + b : weight;
    }

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? below) => BiasDelta() is { } delta ? below! + delta : below;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var y = below.Forward(x);
        if (_a.Up is not null)
        {
            y = y + linear(x, InTypeOf(x, Layer.Weight.Dense() * _a.Value!));
        }
        else if (_a.Down is not null)
        {
            y = y + (Layer.Weight.Multiply(x, null) * InTypeOf(x, _a.Down.flatten()));
        }

        if (_b.Up is not null)
        {
            y = y + linear(linear(x, InTypeOf(x, _b.Up)), InTypeOf(x, _b.Down!));
        }
        else if (_b.Down is not null)
        {
            y = y + (x.sum(-1, keepdim: true) * InTypeOf(x, _b.Down.flatten()));
        }

        return BiasDelta() is { } delta ? y + InTypeOf(x, delta) : y;
    }

    private Tensor? BiasDelta()
    {
        Tensor? delta = null;
        if (Layer.Bias is { } bias)
        {
            Add(_d.Value is { } d ? bias * d : null);
            Add(_e.Value is { } e ? e.expand(OutFeatures) : null);
            Add(_c.Value is { } c ? OriginalWeight.to(c.dtype).mm(c).squeeze(-1) : null);
        }

        return delta;

        void Add(Tensor? part) => delta = delta is null || part is null ? delta ?? part : delta + part;
    }

    private Parameter Register(string name, string part, Parameter parameter)
    {
        register_parameter($"{name}-{part}", parameter); // no dots in names
        return parameter;
    }

    private readonly record struct Factors(Parameter? Down = null, Parameter? Up = null)
    {
        public Tensor? Value => Up is null ? Down : Down!.mm(Up);
    }
}

/// <summary>Forms of the tensors of <see cref="GLora"/>.</summary>
[JsonConverter(typeof(NameConverter<GLoraForm>))]
public enum GLoraForm
{
    /// <summary>A low-rank product.</summary>
    Lora,

    /// <summary>A column, or a vector.</summary>
    Vector,

    /// <summary>One number.</summary>
    Constant,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>Settings of <see cref="GLora"/>.</summary>
[AdapterMethod(
    "GLORA", AdapterFamily.LowRank, Title = "GLoRA", Paper = "arXiv:2306.07967", Formula = "W + W ⊙ A + B, b + b ⊙ D + E + W·C",
    Trained = "2·r·(in + out) + r·(in + 1) + 2", InHuggingFace = true, Merges = true)]
public sealed record GLoraOptions : BiasedLinearOptions
{
    /// <summary>Rank r of the products: 1 or more. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16, 32, 64)]
    public int Rank { get; init; } = 8;

    /// <summary>Form of A and B. Default: a product.</summary>
    [JsonPropertyName("config_A_B")]
    public GLoraForm WeightForm { get; init; }

    /// <summary>Form of C: a product, a vector, or nothing. Default: a product.</summary>
    [JsonPropertyName("config_C")]
    public GLoraForm InputForm { get; init; }

    /// <summary>Form of D and E: a vector, one number, or nothing. Default: one number.</summary>
    [JsonPropertyName("config_D_E")]
    public GLoraForm BiasForm { get; init; } = GLoraForm.Constant;

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        if (InputForm == GLoraForm.Constant)
        {
            throw new ArgumentException("InputForm is Constant; it must be Lora, Vector or None.");
        }

        if (BiasForm == GLoraForm.Lora)
        {
            throw new ArgumentException("BiasForm is Lora; it must be Vector, Constant or None.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new GLora(layer, this, build);
}
