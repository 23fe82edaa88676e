using System.Runtime.InteropServices;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>FRoD: weights of one kind share a basis; each is rotated and scaled in it by a trained diagonal and a few trained numbers beside
/// the diagonal.</summary>
/// <remarks>
/// <para><c>W' = U·(diag(λ) + S)·Vᵀ</c>; V (in, in) belongs to all layers of a kind, U (out, in) to the layer, both frozen; S is sparse. At the
/// start S is zero and <c>U·diag(λ)·Vᵀ = W</c>.</para>
/// <para>Shapes: λ (in), values of S (n), n = in²·sparse rate. Trains in + n numbers. V and the places of S are made from the base weights and a
/// seed, and are in the file unless it is told otherwise; U always follows from W and V.</para>
/// <para>Source: FRoD, AAAI 2026, doi:10.1609/aaai.v40i31.39813.</para>
/// </remarks>
public sealed class Frod : WholeWeightAdapter
{
    private readonly Parameter _lambda; // (in)
    private readonly Parameter _values; // (n)
    private readonly Parameter _u; // (out, in)

    private readonly FrodBasis _basis; // a part of its own: it is not registered here
    private readonly double _dropout;

    /// <summary>Puts FRoD on a layer.</summary>
    public Frod(LinearLayer target, FrodOptions options, FrodBasis basis, AdapterBuild build)
        : base(target)
    {
        _basis = basis;
        _dropout = options.Dropout;
        var (u, lambda) = basis.Decompose(target.FrozenWeight);
        var initialization = build.Initialization;
        var count = basis.Count;
        _values = Trainable(options.IdentityStart ? initialization.Zeros(count) : initialization.Normal(0.1, count));
        _lambda = Trainable(options.IdentityStart ? lambda : lambda + initialization.Normal(0.1, InFeatures));
        _u = Frozen(u);
        register_parameter("frod_lambda_l", _lambda);
        register_parameter("frod_lambda_s_values", _values);
        register_parameter("frod_U", _u);
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "frod_U";

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "frod_U";

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        using var scope = NewDisposeScope();
        _u.copy_(_basis.Decompose(Layer.FrozenWeight).U); // of the basis that the file brought
    }

    /// <inheritdoc/>
    protected internal override Tensor Weight() => _u.mm(_basis.Middle(_lambda, _values)).mm(_basis.V.t());

    /// <inheritdoc/>
    protected override Tensor Multiply(Tensor x, ForwardContext context)
    {
        var dropped = context.Dropout(x, _dropout);
        var turned = dropped.reshape(-1, InFeatures).mm(InTypeOf(x, _basis.V)); // (tokens, in)
        var moved = turned.mul(InTypeOf(x, _lambda)) + _basis.Scatter(turned, InTypeOf(x, _values));
        var y = linear(moved, InTypeOf(x, _u)).reshape([.. x.shape[..^1], OutFeatures]);
        return ReferenceEquals(dropped, x) ? y : y + Layer.Weight.Multiply(x - dropped, null); // dropout is of what differs from the base
    }
}

/// <summary>What the layers of a kind share.</summary>
public sealed class FrodBasis : ModelAdapter
{
    private readonly string _kind;
    private readonly bool _saved;

    [ComponentName(Name = "frod_V")] private readonly Parameter _v; // (in, in)
    [ComponentName(Name = "frod_s_indices")] private readonly Parameter _indices; // (2, n), Int64
    [ComponentName(Name = "frod_s_size")] private readonly Parameter _size; // (2), Int64

    internal FrodBasis(string kind, Tensor v, Tensor positions, bool saved)
        : base($"FRoD's basis of {kind}")
    {
        (_kind, _saved) = (kind, saved);
        var inputs = v.size(0);
        _v = Frozen(v);
        _indices = Frozen(stack([positions.floor_divide(inputs), positions.remainder(inputs)]).to(_v.device));
        _size = Frozen(tensor(new[] { inputs, inputs }).to(_v.device));
        RegisterComponents();
    }

    /// <summary>The shared basis (in, in).</summary>
    public Tensor V => _v;

    /// <summary>Count of trained numbers beside the diagonal.</summary>
    public long Count => _indices.size(1);

    private SparseMatrix Sparse => new(_v.size(0), _v.size(0));

    private Tensor Positions => _indices.select(0, 0).mul(_v.size(0)).add_(_indices.select(0, 1));

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => $"{parameter}.{_kind}";

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => _saved;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => _saved;

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        using var scope = NewDisposeScope();
        if ((_indices < 0).logical_or(_indices >= _v.size(0)).any().item<bool>() || !_size.eq(_v.size(0)).all().item<bool>())
        {
            throw new FormatException($"frod_s_indices.{_kind} or frod_s_size.{_kind} does not fit a basis of {_v.size(0)} features; the file is damaged.");
        }
    }

    /// <summary>U (out, in) with columns of length 1, and λ (in), so that <c>U·diag(λ)·Vᵀ</c> is a weight (out, in).</summary>
    internal (Tensor U, Tensor Lambda) Decompose(Tensor weight)
    {
        var (w, v) = (weight.detach().to(ScalarType.Float64).cpu(), _v.detach().to(ScalarType.Float64).cpu());
        Tensor turned; // W·V⁻ᵀ
        try
        {
            turned = linalg.solve(v, w.t()).t();
        }
        catch (ExternalException) // the basis is singular
        {
            turned = w.mm(linalg.pinv(v, rtol: 1e-6).t());
        }

        var lengths = turned.norm(0);
        var u = where(lengths > 1e-12, turned / lengths, zeros_like(turned));
        return (u.to(ScalarType.Float32).contiguous().to(_v.device), lengths.to(ScalarType.Float32).to(_v.device));
    }

    internal Tensor Middle(Tensor lambda, Tensor values) => Sparse.Dense(values, Positions) + diag(lambda);

    internal Tensor Scatter(Tensor x, Tensor values) => Sparse.Multiply(x, values, Positions);
}
