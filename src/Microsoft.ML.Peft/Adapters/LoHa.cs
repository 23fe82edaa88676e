using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoHa: the entry-wise product of two low-rank matrices is added to the weight, which gives it rank up to r².</summary>
/// <remarks>
/// <para><c>ΔW = (α/r)·(A₁·B₁) ⊙ (A₂·B₂)</c>.</para>
/// <para>Shapes: A (out, r), B (r, in). Trains 2·r·(in + out) numbers.</para>
/// <para>Starts as the identity: B₂ is 0, the others are Kaiming-uniform (a = √5).</para>
/// <para>Source: Hyeon-Woo et al. 2022 (FedPara), arXiv:2108.06098, Proposition 1.</para>
/// </remarks>
public sealed class LoHa : LycorisAdapter
{
    [ComponentName(Name = "hada_w1_a")] private readonly Parameter _a1; // (out, r)
    [ComponentName(Name = "hada_w1_b")] private readonly Parameter _b1; // (r, in)
    [ComponentName(Name = "hada_w2_a")] private readonly Parameter _a2; // (out, r)
    [ComponentName(Name = "hada_w2_b")] private readonly Parameter _b2; // (r, in)

    private readonly bool _thin;

    /// <summary>Puts LoHa on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside the range that its property names.</exception>
    public LoHa(LinearLayer target, LoHaOptions options, AdapterBuild build)
        : base(target, options)
    {
        var start = build.Initialization;
        _a1 = Trainable(start.KaimingUniform(OutFeatures, Rank));
        _b1 = Trainable(start.KaimingUniform(Rank, InFeatures));
        _a2 = Trainable(start.KaimingUniform(OutFeatures, Rank));
        _b2 = Trainable(options.StartsAsIdentity ? start.Zeros(Rank, InFeatures) : start.KaimingUniform(Rank, InFeatures));
        _thin = (long)Rank * Rank * (InFeatures + OutFeatures) < InFeatures * OutFeatures;
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _a1.mm(_b1).mul(_a2.mm(_b2)).mul(Scale);

    /// <inheritdoc/>
    protected override Tensor Product(Tensor x)
    {
        if (!_thin)
        {
            return linear(x, Delta().to(x.dtype));
        }

        // The product of two matrices of rank r is one of rank r²: (…, r²) between two thin factors.
        var left = (_a1.unsqueeze(2) * _a2.unsqueeze(1)).view(OutFeatures, -1);
        var right = (_b1.unsqueeze(1) * _b2.unsqueeze(0)).view(-1, InFeatures);
        return linear(linear(x, right.to(x.dtype)).mul(Scale), left.to(x.dtype));
    }
}

/// <summary>Settings of <see cref="LoHa"/>.</summary>
[AdapterMethod(
    "LOHA", AdapterFamily.Additive, Title = "LoHa", Paper = "arXiv:2108.06098", Formula = "W + (α/r)·(A₁·B₁) ⊙ (A₂·B₂)", Trained = "2·r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record LoHaOptions : LycorisOptions
{
    /// <summary>Start as the identity; false draws every factor, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <summary>On convolutions with a factor of the kernel: use the true gradients of A₁ and A₂. Default false: what HF PEFT and the authors' code compute, in
    /// which each is that of the other product's factors; files do not depend on it.</summary>
    [JsonPropertyName("exact_gradient")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool ExactGradient { get; init; }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new LoHa(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new LoHaConvolution(layer, this, build);
}
