using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>CLIP-SVD: the weight is factored as U·diag(s)·V and its singular values s are trained.</summary>
/// <remarks>
/// <para><c>y = U·(s ⊙ (V·x)) + b</c>. U, V and the bias b stay as they are; s may take any sign and order.</para>
/// <para>Shapes: U (out, r), s (r), V (r, in), r the smaller side rounded down to a multiple of <c>rank_base</c>. Trains r numbers. Starts as the identity up to
/// rounding where r is the whole smaller side; else the smallest values are cut off, which changes the model.</para>
/// <para>The factors are computed on the CPU; the largest entry of each column of U, the first one of equals, is positive. Files hold s and a fingerprint of the
/// weight, of which the factors are computed again; only the products of a column of U and its row of V count, so that no sign matters there. Where values are equal or
/// nearly so their vectors are not settled, and another library may find others: <see cref="ClipSvdFormat"/> has forms that do not depend on them.</para>
/// <para>Source: Koleilat, Rivaz and Xiao 2025, arXiv:2509.03740.</para>
/// </remarks>
public sealed class ClipSvd : WholeWeightAdapter
{
    private const string Change = "delta_W";
    private const int PrintSeed = 20250903;
    private const int PrintLength = 4;
    private const double PrintTolerance = 0.02; // above what rounding to 16 bits changes, below what another weight has

    private readonly ClipSvdOptions _options;
    private readonly Parameter _s;      // s, or s − s₀
    private readonly Parameter? _start; // s₀, where s − s₀ is trained
    private readonly Parameter _u;
    private readonly Parameter _v;
    private readonly Parameter? _print;
    private Parameter? _change; // ΔW (out, in), while it is read

    /// <summary>Factors the weight of a layer.</summary>
    public ClipSvd(LinearLayer target, ClipSvdOptions options)
        : base(target)
    {
        _options = options;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = target.Weight.Dense();
        var rank = options.RankOf(InFeatures, OutFeatures);
        var (u, s, v) = options is { IsStored: true, Format: ClipSvdFormat.Factors or ClipSvdFormat.Dense }
            ? (zeros(OutFeatures, rank), zeros(rank), zeros(rank, InFeatures)) // the file brings them
            : ClipSvdCache.Factor(options.FolderOfFactors, weight, options.Precision);
        _u = Frozen(Placed(u.narrow(1, 0, rank)));
        _v = Frozen(Placed(v.narrow(0, 0, rank)));
        s = Placed(s.narrow(0, 0, rank));
        _s = Trainable(options.DecaysTowardStart ? zeros_like(s) : s.clone());
        register_parameter(options.DecaysTowardStart ? "delta_S" : "vector_S", _s);
        if (options.DecaysTowardStart)
        {
            _start = Frozen(s.clone());
            register_parameter("start_S", _start);
        }

        register_parameter("factor_U", _u);
        register_parameter("factor_V", _v);
        if (options.Format != ClipSvdFormat.Factors)
        {
            _print = Frozen(Print(weight));
            register_parameter("fingerprint", _print);
        }

        Tensor Placed(Tensor x) => x.to(ScalarType.Float32).to(weight.device).contiguous().clone();
    }

    /// <summary>s (r).</summary>
    public Tensor Spectrum() => _start is null ? _s : _start + _s;

    /// <summary>Singular values and vectors of a matrix, in falling order of the values.</summary>
    /// <param name="weight">(out, in).</param>
    /// <param name="precision">The type in which to compute.</param>
    /// <returns>U (out, k), s (k) and V (k, in) of that type on the CPU, k the smaller side.</returns>
    public static (Tensor U, Tensor S, Tensor V) Factor(Tensor weight, ClipSvdPrecision precision = ClipSvdPrecision.Float64)
    {
        ArgumentNullException.ThrowIfNull(weight);
        var (u, s, v) = linalg.svd(weight.detach().cpu().to(precision == ClipSvdPrecision.Float64 ? ScalarType.Float64 : ScalarType.Float32), fullMatrices: false);
        var signs = u.gather(0, u.abs().argmax(0, keepdim: true)).sign(); // (1, k)
        return (u * signs, s, v * signs.t());
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter)
        => _options.Format switch
        {
            ClipSvdFormat.Factors => true,
            ClipSvdFormat.Dense => parameter is Change or "fingerprint",
            _ => parameter is "vector_S" or "delta_S" or "fingerprint",
        };

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
        => _options.Format == ClipSvdFormat.Dense ? base.Written().Append((Change, Weight() - OriginalWeight.to(ScalarType.Float32))) : base.Written();

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes)
    {
        if (_options.Format == ClipSvdFormat.Dense)
        {
            _change ??= Frozen(zeros([OutFeatures, InFeatures], ScalarType.Float32, _u.device));
            register_parameter(Change, _change);
        }
    }

    /// <summary>Compares the weight with that of the file, and factors it where the file has its change.</summary>
    /// <exception cref="PeftException">They differ.</exception>
    protected internal override void Loaded()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var distance = _print is null ? 0 : (Print(Layer.Weight.Dense()) - _print).abs().max().item<float>();
        if (!(distance <= PrintTolerance))
        {
            throw new PeftException(
                $"The file was trained on another weight than that of '{Path}' (fingerprints differ by {distance:G2}, allowed is {PrintTolerance}), and what it says of its singular values means nothing here. Give that base model.");
        }

        if (_change is not null)
        {
            var (u, s, v) = Factor(OriginalWeight.to(ScalarType.Float32) + _change, _options.Precision);
            var rank = _s.numel();
            _u.copy_(u.narrow(1, 0, rank));
            _s.copy_(s.narrow(0, 0, rank));
            _v.copy_(v.narrow(0, 0, rank));
            register_parameter(Change, null!);
            _change.Dispose();
            _change = null;
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Weight() => (_u * Spectrum()).mm(_v);

    /// <inheritdoc/>
    protected override Tensor Multiply(Tensor x, ForwardContext context)
    {
        // The whole weight costs out·in·r once, and in the backward pass again; two thin products cost r·(in + out) a token.
        if (_options.Factored ?? x.numel() / InFeatures < 2 * _s.numel())
        {
            return linear(linear(x, InTypeOf(x, _v)) * Spectrum().to(x.dtype), InTypeOf(x, _u));
        }

        return linear(x, Weight().to(x.dtype));
    }

    // Sums of the weight with seeded signs on its rows and columns, relative to its norm: about normal numbers of deviation 1, which hardly change with the
    // precision of the weight and are others for another one.
    private static Tensor Print(Tensor weight)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(PrintSeed);
        var whole = weight.cpu().to(ScalarType.Float64);
        var (rows, columns) = (Signs(PrintLength, whole.size(0)), Signs(whole.size(1), PrintLength));
        return (rows.mm(whole).t() * columns).sum([0L]).div(whole.norm().clamp_min(1e-30)).to(ScalarType.Float32).to(weight.device).MoveToOuterDisposeScope();

        Tensor Signs(params long[] shape) => rand(shape, generator: generator).sub_(0.5).sign_().to(ScalarType.Float64);
    }
}
