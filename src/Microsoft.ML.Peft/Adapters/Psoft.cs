using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>PSOFT: the weight's r largest singular directions are turned among themselves, and scaled; the rest stays.</summary>
/// <remarks>
/// <para><c>y = W·x + b + B·(R − I)·A·x</c> with frozen <c>A = V_rᵀ</c> and <c>B = U_r·S_r</c> of the weight, and <c>R = diag(b)·(I + Q)·(I − Q)⁻¹·diag(a)</c>
/// of a skew-symmetric Q, exactly or by a series.</para>
/// <para>Shapes: A (r, in); B (out, r); Q as its upper triangle (r·(r − 1)/2); a, b (r). Trains r·(r − 1)/2 + 2·r numbers, whatever the layer's size.</para>
/// <para>Starts as the identity: Q is 0, a and b are 1. A file has neither A nor B: they are made of the base weight again, with the signs
/// that <see cref="SingularVectors"/> gives them.</para>
/// <para>Source: Wu et al. 2025, arXiv:2505.11235, §4; the form of HF PEFT.</para>
/// </remarks>
public sealed class Psoft : AdditiveAdapter
{
    private readonly PsoftOptions _options;
    private readonly Tensor _a; // (r, in)
    private readonly Tensor _b; // (out, r)
    private readonly Parameter _inner; // Q's upper triangle (r·(r − 1)/2), or (r, r) where it is free
    private readonly Parameter? _rows; // b (r)
    private readonly Parameter? _columns; // a (r)
    private readonly Tensor _places; // of the upper triangle in r·r

    /// <summary>Puts PSOFT on a layer.</summary>
    /// <exception cref="PeftException">The layer has fewer directions than the rank.</exception>
    public Psoft(LinearLayer target, PsoftOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        var (rank, start) = (options.Rank, build.Initialization);
        if (rank > Math.Min(InFeatures, OutFeatures))
        {
            throw new PeftException($"Rank is {rank} and '{Path}' ({OutFeatures} × {InFeatures}) has {Math.Min(InFeatures, OutFeatures)} singular directions; it can be at most that.");
        }

        (_a, _b) = FrozenFactors(target.FrozenWeight, options);
        _inner = Trainable(options.IsOrthogonal ? Start(rank * (rank - 1) / 2) : Start(rank, rank).add_(eye(rank, device: target.FrozenWeight.device)));
        _rows = options.ScalesRows ? Trainable(start.Constant(1, rank)) : null;
        _columns = options.ScalesColumns ? Trainable(start.Constant(1, rank)) : null;
        _places = CayleyRotation.UpperPlaces(rank, _inner.device).DetachFromDisposeScope();
        register_buffer("A", _a, persistent: false);
        register_buffer("B", _b, persistent: false);
        register_buffer("places", _places, persistent: false);
        register_parameter("weight", _inner);
        foreach (var (name, vector) in new[] { ("vector_b", _rows), ("vector_a", _columns) })
        {
            if (vector is not null)
            {
                register_parameter(name, vector);
            }
        }

        Tensor Start(params long[] shape) => options.StartsAsIdentity ? start.Zeros(shape) : start.Normal(0.1, shape);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => "psoft_R." + parameter;

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _b.mm(Turn()).mm(_a);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(linear(context.Dropout(x, _options.Dropout), InTypeOf(x, _a)), Turn().to(x.dtype)), InTypeOf(x, _b));

    // The scale of HF PEFT is taken into B, from which its own factors have it divided out.
    private static (Tensor A, Tensor B) FrozenFactors(Tensor weight, PsoftOptions options)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (rank, scale) = (options.Rank, options.Alpha / options.Rank);
        var (u, s, vh) = options.Decomposition == PsoftDecomposition.LowRank
            ? LowRankSvd.Of(weight.to(ScalarType.Float32), rank, options.Iterations, options.Seed)
            : SingularVectors.Of(weight);
        (u, s, vh) = (u.narrow(1, 0, rank), s.narrow(0, 0, rank), vh.narrow(0, 0, rank));
        var (a, b) = options.Factors == PsoftFactors.Orthogonal
            ? (vh.clone(), u * s)
            : (vh * s.div(scale).sqrt().unsqueeze(1), u * s.mul(scale).sqrt());
        return (a.DetachFromDisposeScope(), b.DetachFromDisposeScope());
    }

    // R − I (r, r)
    private Tensor Turn()
    {
        var turn = _options.IsOrthogonal ? Rotation() : _inner;
        turn = _rows is null ? turn : _rows.unsqueeze(1) * turn;
        turn = _columns is null ? turn : turn * _columns;
        return turn - eye(_options.Rank, device: _inner.device);
    }

    private Tensor Rotation()
    {
        var skew = CayleyRotation.Skew(_inner.unsqueeze(0), _places, _options.Rank);
        if (!_options.UsesSeries)
        {
            return CayleyRotation.Exact(-skew)[0]; // turns the other way round than OFT
        }

        if (_options.NormLimit is { } limit)
        {
            // Below the limit the factor is 1 and has no gradient.
            skew = skew * (limit / skew.pow(2).sum().clamp_min(limit * limit).sqrt());
        }

        return CayleyRotation.Neumann(skew, _options.NeumannTerms)[0];
    }
}
