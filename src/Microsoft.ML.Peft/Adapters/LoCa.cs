using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoCA: n cosine coefficients, whose places are learnt too, and whose inverse cosine transform is added to a frozen weight.</summary>
/// <remarks>
/// <para><c>W' = W + α·C_outᵀ·S·C_in</c>, where C is the orthonormal DCT-II and S (out, in) is zero but for <c>S[R_k, Q_k] += a_k</c>,
/// <c>R_k = round(clamp(l_0k, 0, 0.999)·(out − 1))</c>, <c>Q_k = round(clamp(l_1k, 0, 0.999)·(in − 1))</c>, halves to even.</para>
/// <para>With Z the gradient of S, a_k has the gradient <c>Z[R_k, Q_k]</c>, and l_0k has <c>(out − 1)·clamp(½·a_k·(Z[R_k + 1, Q_k] −
/// Z[R_k − 1, Q_k]), −1, 1)</c> with neighbours inside the matrix, and 0 where it is outside [0, 0.999]; l_1k likewise along the columns.</para>
/// <para>Shapes: a (n), l (2, n). Trains n numbers, and 2·n more in the phases in which places are learnt. Starts as the identity: a is 0; l is
/// uniform on 0 to 1, so that places may coincide. Files hold the places as whole numbers, and the shape.</para>
/// <para>Source: Du et al. 2025, arXiv:2502.06820.</para>
/// </remarks>
public sealed class LoCa : AdditiveAdapter
{
    internal const double Highest = 0.999;

    [ComponentName(Name = "loca_spectrum")] private readonly Parameter _spectrum; // a (n)
    [ComponentName(Name = "loca_locations")] private readonly Parameter _locations; // l (2, n)
    [ComponentName(Name = "loca_positions")] private readonly Parameter _positions; // R, Q (2, n), Int32, for files
    [ComponentName(Name = "loca_shape")] private readonly Parameter _shape; // (out, in), Int32, for files

    private readonly LoCaOptions _options;
    private readonly CosineTransform _transform;
    private bool _hasReadLocations;

    internal LoCa(LinearLayer target, LoCaOptions options, Initialization start, Initialization places, CosineTransform transform)
        : base(target)
    {
        Guard.InRange(options.Frequencies, 1, OutFeatures * InFeatures);
        (_options, _transform) = (options, transform);
        _spectrum = Trainable(start.Zeros(options.Frequencies));
        var locations = places.Share(2, options.Frequencies);
        _locations = options.LearnLocationSteps == 0 ? Frozen(locations) : Trainable(locations);
        _positions = Frozen(Positions().to(ScalarType.Int32));
        _shape = Frozen(tensor([OutFeatures, InFeatures], ScalarType.Int32, _locations.device));
        RegisterComponents();
    }

    /// <summary>What is learnt now. Outside a training run: both.</summary>
    public LoCaPhase Phase { get; set; }

    /// <summary>Where the coefficients are: rows and columns (2, n), Int64.</summary>
    public Tensor Positions()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var shares = _locations.detach().clamp(0, Highest);
        return stack([shares[0].mul(OutFeatures - 1), shares[1].mul(InFeatures - 1)]).round().to(ScalarType.Int64).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "loca_locations" || _options.SaveLocations;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter is not ("loca_locations" or "loca_shape"); // older files have no shape

    /// <inheritdoc/>
    protected internal override void Saving() => _positions.copy_(Positions());

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes) => _hasReadLocations = shapes.ContainsKey("loca_locations");

    /// <summary>Takes the places over from the file.</summary>
    /// <exception cref="PeftException">The file is of a weight of another shape, or a place is outside this one.</exception>
    protected internal override void Loaded()
    {
        using var scope = NewDisposeScope();
        var shape = _shape.cpu().data<int>().ToArray();
        if (shape[0] != OutFeatures || shape[1] != InFeatures)
        {
            throw new PeftException($"The file has LoCA on a layer of {shape[0]} × {shape[1]}, and '{Path}' is of {OutFeatures} × {InFeatures}; its waves would be others. Load it on the model that it was trained on.");
        }

        if (!_hasReadLocations)
        {
            var sizes = tensor([Math.Max(1f, OutFeatures - 1), Math.Max(1f, InFeatures - 1)], device: _locations.device);
            _locations.copy_(_positions.to(ScalarType.Float32) / sizes.unsqueeze(1));
        }

        if (Positions().ne(_positions).any().item<bool>())
        {
            throw new PeftException($"The file has places of LoCA on '{Path}' that its layer of {OutFeatures} × {InFeatures} has not, or that its locations do not give; the file is damaged or of another model.");
        }
    }

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => parameter == "loca_locations"
        // A step moves a place by about the rate times the side of the layer. Each gradient is limited already.
        ? new("loca_locations") { LearningRate = _options.LocationLearningRate * Math.Max(1, 768.0 / Math.Max(InFeatures, OutFeatures)), Unclipped = true }
        : new("loca_spectrum") { LearningRate = _options.SpectrumLearningRate };

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var now = Now();
        if (_options.Mode == LoCaMode.Sparse)
        {
            var (rows, columns) = Waves(now);
            return (rows * now.Spectrum.unsqueeze(1)).t().mm(columns).mul(_options.Scaling);
        }

        var spectrum = Dense(now);
        return (_options.Mode == LoCaMode.Fast ? CosineTransform.InvertFast(spectrum) : _transform.Invert(spectrum)).mul(_options.Scaling);
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        x = context.Dropout(x, _options.Dropout);
        if (_options.Mode != LoCaMode.Sparse)
        {
            return linear(x, InTypeOf(x, Delta()));
        }

        var now = Now();
        var (rows, columns) = Waves(now);
        return linear(linear(x, InTypeOf(x, columns)) * InTypeOf(x, now.Spectrum.mul(_options.Scaling)), InTypeOf(x, rows).t());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _transform.Dispose();
        }

        base.Dispose(disposing);
    }

    private Entries Now()
    {
        var positions = Positions();
        var learnt = Phase != LoCaPhase.Coefficients && _locations.requires_grad && is_grad_enabled();
        return new(
            Phase == LoCaPhase.Locations ? _spectrum.detach() : _spectrum,
            positions[0],
            positions[1],
            learnt ? LoCaMoves.apply(_locations, new LoCaMoves.Sides(OutFeatures, InFeatures)) : null);
    }

    // S. A move of a place by a small d turns its coefficient into differences to both neighbours; all d are 0, which leaves their gradient.
    private Tensor Dense(Entries now)
    {
        var values = new List<Tensor> { now.Spectrum };
        var places = new List<Tensor> { (now.Rows * InFeatures) + now.Columns };
        if (now.Moves is { } moves)
        {
            var halves = now.Spectrum.mul(0.5) * moves; // (2, n)
            values.AddRange([halves[0], halves[0].neg(), halves[1], halves[1].neg()]);
            var ((above, below), (left, right)) = (Neighbours(now.Rows, OutFeatures), Neighbours(now.Columns, InFeatures));
            places.AddRange([(below * InFeatures) + now.Columns, (above * InFeatures) + now.Columns, (now.Rows * InFeatures) + right, (now.Rows * InFeatures) + left]);
        }

        return zeros([OutFeatures * InFeatures], device: _spectrum.device).index_add(0, cat(places), cat(values), 1).view(OutFeatures, InFeatures);
    }

    // Rows of both transforms (n, out) and (n, in), with the same moves.
    private (Tensor Rows, Tensor Columns) Waves(Entries now)
    {
        return (Of(0, now.Rows, OutFeatures), Of(1, now.Columns, InFeatures));

        Tensor Of(long side, Tensor positions, long size)
        {
            var matrix = _transform.Matrix(size, positions.device);
            var waves = matrix.index_select(0, positions);
            if (now.Moves is not { } moves)
            {
                return waves;
            }

            var (before, after) = Neighbours(positions, size);
            return waves + (moves[side].mul(0.5).unsqueeze(1) * (matrix.index_select(0, after) - matrix.index_select(0, before)));
        }
    }

    private static (Tensor Before, Tensor After) Neighbours(Tensor positions, long size) => (positions.sub(1).clamp_min(0), positions.add(1).clamp_max(size - 1));

    private readonly record struct Entries(Tensor Spectrum, Tensor Rows, Tensor Columns, Tensor? Moves);
}
