using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DEFT: a small subspace of the outputs is taken out of a frozen weight and trained anew.</summary>
/// <remarks>
/// <para><c>W' = W − Q·Pᵀ₊·W + s·Q·R</c>: with <c>relu</c> Q is P and P₊ its positive part; with <c>qr</c> both are an orthonormal basis of P.
/// Without R (PaRa) the subspace is only taken out.</para>
/// <para>Shapes: P (out, r), R (r, in); r at most out. Trains r·(in + out) numbers, PaRa r·out. Starts as the identity: P normal with deviation
/// 0.02, R such that nothing changes; PaRa never is the identity.</para>
/// <para>Source: DEFT: Decompositional Efficient Fine-Tuning, NeurIPS 2025; PaRa: Personalization by Parameter Rank Reduction, ICLR 2025.</para>
/// </remarks>
public sealed class Deft : AdditiveAdapter
{
    [ComponentName(Name = "deft_P")] private readonly Parameter _p; // (out, r)
    [ComponentName(Name = "deft_R")] private readonly Parameter? _r; // (r, in)

    private readonly DeftProjection _projection;
    private readonly double _scale;
    private readonly double _dropout;

    /// <summary>Puts DEFT on a layer.</summary>
    public Deft(LinearLayer target, DeftOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = Math.Min(options.Rank, OutFeatures);
        _projection = options.Projection;
        _scale = options.Alpha is { } alpha ? alpha / rank : 1;
        _dropout = options.Dropout;
        _p = Trainable(build.Initialization.Normal(0.02, OutFeatures, rank));
        if (!options.RemovesOnly)
        {
            using var _ = no_grad();
            _r = Trainable(options.IdentityStart
                ? Removed(Project().Right).div(_scale)
                : build.Initialization.Normal(0.02 * options.StartScale, rank, InFeatures));
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var (q, right) = Project();
        return _r is null ? q.mm(Removed(right)).neg() : q.mm(_r.mul(_scale) - Removed(right));
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var (q, right) = Project();
        var dropped = context.Dropout(x, _dropout);
        var change = Removed(right).neg();
        if (_r is not null && ReferenceEquals(dropped, x))
        {
            change = change + _r.mul(_scale);
        }

        var low = linear(x, InTypeOf(x, change)); // (…, r)
        if (_r is not null && !ReferenceEquals(dropped, x))
        {
            low = low + linear(dropped, InTypeOf(x, _r.mul(_scale)));
        }

        return linear(low, InTypeOf(x, q));
    }

    private (Tensor Q, Tensor Right) Project()
    {
        if (_projection == DeftProjection.Relu)
        {
            return (_p, relu(_p));
        }

        var q = linalg.qr(_p).Q;
        return (q, q);
    }

    private Tensor Removed(Tensor right) => right.t().mm(OriginalWeight.to(right.dtype)); // (r, in)
}

/// <summary>How DEFT makes a projector of P.</summary>
[JsonConverter(typeof(NameConverter<DeftProjection>))]
public enum DeftProjection
{
    /// <summary><c>P·relu(P)ᵀ</c>, which is no orthogonal projector.</summary>
    Relu,

    /// <summary><c>Q·Qᵀ</c> with Q of P's QR decomposition.</summary>
    Qr,
}

/// <summary>Settings of <see cref="Deft"/>.</summary>
[AdapterMethod(
    "DEFT", AdapterFamily.LowRank, Title = "DEFT", Paper = "DEFT, NeurIPS 2025", Formula = "(I − Q·Pᵀ₊)·W + s·Q·R", Trained = "r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record DeftOptions : BiasedLinearOptions
{
    /// <summary>Dimension r of the subspace: 1 or more; more than the outputs counts as all of them. Default 8.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 8;

    /// <summary>How the projector is made. Default <c>relu</c>.</summary>
    [JsonPropertyName("decomposition_method")]
    public DeftProjection Projection { get; init; }

    /// <summary>Factor of the deviation of R where it starts with random numbers, finite and above 0. Default 1.</summary>
    [JsonPropertyName("init_scale")]
    public double StartScale { get; init; } = 1;

    /// <summary>Numerator of the scale s = α/r of R, finite and above 0. Default null: s is 1.</summary>
    [JsonPropertyName("alpha")]
    public double? Alpha { get; init; }

    /// <summary>Only take the subspace out, without R: the method PaRa. Default false.</summary>
    [JsonPropertyName("para")]
    public bool RemovesOnly { get; init; }

    /// <summary>Share of the input that R drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("deft_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start as the identity; false for a random R. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(StartScale);
        Guard.Positive(Alpha ?? 1, nameof(Alpha));
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Deft(layer, this, build);
}
