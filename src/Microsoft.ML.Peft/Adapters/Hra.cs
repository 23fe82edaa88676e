using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>HRA: the inputs of a layer are reflected at r trained planes before the frozen weight.</summary>
/// <remarks>
/// <para><c>W_eff = W·H₁·…·H_r</c>, <c>H_i = I − 2·u_i·u_iᵀ/‖u_i‖²</c>; with <see cref="HraOptions.Orthogonalizes"/> the u are made orthogonal first.</para>
/// <para>Shapes: u (in, r). Trains r·in numbers.</para>
/// <para>Starts as the identity where r is even: equal pairs of u, whose reflections cancel. Not so where r is odd, or orthogonalized.</para>
/// <para>Source: Yuan et al. 2024, arXiv:2405.17484, §3. Computed as <c>I − V·T·Vᵀ</c> (compact WY form): two thin products.</para>
/// </remarks>
public sealed class Hra : LinearAdapter
{
    [ComponentName(Name = "hra_u")] private readonly Parameter _u; // (in, r)

    private readonly bool _orthogonalizes;

    /// <summary>Puts HRA on a layer.</summary>
    /// <exception cref="PeftException">There are more vectors to make orthogonal than inputs.</exception>
    public Hra(LinearLayer target, HraOptions options, AdapterBuild build)
        : base(target)
    {
        _orthogonalizes = options.Orthogonalizes;
        var (rank, start) = (options.Rank, build.Initialization);
        if (_orthogonalizes && rank > InFeatures)
        {
            throw new PeftException($"Rank is {rank} and '{Path}' has {InFeatures} inputs; at most as many vectors can be made orthogonal.");
        }

        if (options.Pairs && rank % 2 == 0 && !_orthogonalizes)
        {
            using var half = start.Uniform(Math.Sqrt(2.0 / rank), InFeatures, rank / 2); // fan_in is half the rank
            _u = Trainable(half.repeat_interleave(2, 1));
        }
        else
        {
            _u = Trainable(start.KaimingUniform(InFeatures, rank));
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var (v, t) = Form();
        var w = weight.to(ScalarType.Float32);
        return w - w.mm(v).mm(t).mm(v.t());
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var (v, t) = Form();
        var low = linear(x, v.t().to(x.dtype));                       // (…, r): Vᵀ·x
        return below.Forward(x - linear(low, v.mm(t).to(x.dtype)));   // x − V·T·Vᵀ·x
    }

    // H₁·…·H_r = I − V·T·Vᵀ with unit columns V and T⁻¹ = ½·I + the part of VᵀV above the diagonal.
    private (Tensor V, Tensor T) Form()
    {
        var half = eye(_u.size(1), device: _u.device).mul(0.5);
        if (_orthogonalizes)
        {
            return (linalg.qr(_u).Q, half.mul(4));
        }

        var v = _u / _u.norm(0, true);
        return (v, linalg.inv(half + v.t().mm(v).triu(1)));
    }
}

/// <summary>Settings of <see cref="Hra"/>.</summary>
[AdapterMethod(
    "HRA", AdapterFamily.Multiplicative, Title = "HRA", Paper = "arXiv:2405.17484", Formula = "W·Πᵢ (I − 2·uᵢ·uᵢᵀ/‖uᵢ‖²)", Trained = "r·in", InHuggingFace = true, Merges = true)]
public sealed record HraOptions : BiasedLinearOptions
{
    /// <summary>Count r of reflections: 1 or more; even to start as the identity. Default 8.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>Make the vectors orthogonal (Gram–Schmidt). Default false.</summary>
    [JsonPropertyName("apply_GS")]
    public bool Orthogonalizes { get; init; }

    /// <summary>Start with equal pairs, which cancel; false draws every vector, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool Pairs { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Hra(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => new FilterAdapter(layer, filters => new Hra(filters, this, build));
}
