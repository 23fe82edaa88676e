using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The trained numbers of <see cref="TLora"/> on one weight, and what they make of it.</summary>
internal sealed class TLoraFactors
{
    private const double RootFloor = 1e-12; // a norm has no gradient at 0, where both penalties start

    private readonly TLoraOptions _options;
    private readonly List<Parameter> _transform = []; // A^d (I_d, I_d) or (I_d, I_d, R, R)
    private readonly List<Parameter> _rows = [];      // B (out, r); P^d (J_d, r, r); G^d (J_d, I_d, r, r)
    private readonly List<Parameter> _columns = [];   // A (r, in); Q^d (I_d, r, r); none
    private readonly double _scale;

    /// <exception cref="PeftException">The settings do not fit the weight.</exception>
    public TLoraFactors(TLoraOptions options, string path, long[] inShape, long outputs, Initialization start)
    {
        (_options, InShape) = (options, inShape);
        _scale = options.Alpha / (options.RankStabilized ? Math.Sqrt(options.Rank) : options.Rank);
        foreach (var size in options.TransformRank == 0 ? [] : inShape)
        {
            _transform.Add(Kept(TransformStart(size, start)));
        }

        var (inputs, rank) = (inShape.Aggregate(1L, (product, size) => product * size), (long)options.Rank);
        if (options.Residual == TLoraResidual.Lora)
        {
            _rows.Add(Kept(start.Zeros(outputs, rank)));
            _columns.Add(Kept(start.Normal(1 / Math.Sqrt(3.0 * inputs), rank, inputs)));
            return;
        }

        OutShape = options.ShapeOf(path, "OutShape", options.OutShape, outputs);
        if (options.Residual == TLoraResidual.Trm)
        {
            if (OutShape.Length != inShape.Length)
            {
                throw new PeftException(
                    $"'{path}' has the input shape ({string.Join(", ", inShape)}) and the output shape ({string.Join(", ", OutShape)}); the residual trm needs as many factors in both. Set InShape and OutShape.");
            }

            for (var d = 0; d < inShape.Length; d++)
            {
                _rows.Add(Kept(First(d, 1 / Math.Sqrt(3.0 * inShape[d] * rank * rank), OutShape[d], inShape[d], rank, rank)));
            }

            return;
        }

        for (var d = 0; d < OutShape.Length; d++)
        {
            _rows.Add(Kept(First(d, Math.Sqrt(OutShape[d]) / (rank * rank), OutShape[d], rank, rank)));
        }

        _columns.AddRange(inShape.Select(size => Kept(start.Normal(1 / Math.Sqrt(size), size, rank, rank))));

        Tensor First(int d, double deviation, params long[] shape) => d == 0 ? start.Zeros(shape) : start.Normal(deviation, shape);
    }

    /// <summary>Factors of the inputs.</summary>
    public long[] InShape { get; }

    /// <summary>Factors of the outputs; none for the residual lora.</summary>
    public long[] OutShape { get; } = [];

    /// <summary>Names every parameter.</summary>
    public void Register(Action<string, Parameter> register)
    {
        Each("transform", _transform);
        if (_options.Residual == TLoraResidual.Lora)
        {
            register("lora_A", _columns[0]);
            register("lora_B", _rows[0]);
            return;
        }

        Each(_options.Residual == TLoraResidual.Trm ? "core" : "out_core", _rows);
        Each("in_core", _columns);

        void Each(string name, List<Parameter> cores)
        {
            for (var d = 0; d < cores.Count; d++)
            {
                register($"{name}_{d + 1}", cores[d]);
            }
        }
    }

    /// <summary>The group of a parameter: weight decay would draw T to 0, not to the identity.</summary>
    public OptimizerGroup GroupOf(string parameter)
        => new("", Decays: _options.TransformDecays || !parameter.StartsWith("transform", StringComparison.Ordinal));

    /// <summary>T (in, in), or null for the identity.</summary>
    public Tensor? Transform() => _transform.Count == 0 ? null : TensorRing.Matrix(_transform);

    /// <summary>T·x, in the type of x (…, in); near the identity it needs the precision of the cores.</summary>
    public Tensor TransformOf(Tensor x)
    {
        if (_transform.Count == 0)
        {
            return x;
        }

        var whole = x.to(ScalarType.Float32);
        return (_options.DenseTransform ? linear(whole, Transform()!) : TensorRing.Multiply(whole, _transform)).to(x.dtype);
    }

    /// <summary>s·Δ (out, in).</summary>
    public Tensor Residual()
    {
        if (_columns.Count == 0)
        {
            return TensorRing.Matrix(_rows).mul(_scale);
        }

        var (rows, columns) = Thin();
        return rows.mm(columns).mul(_scale);
    }

    /// <summary>s·Δ·x.</summary>
    public Tensor ResidualOf(Tensor x)
    {
        if (_columns.Count == 0)
        {
            return TensorRing.Multiply(x, [.. _rows.Select(core => Adapter.InTypeOf(x, core))]).mul(_scale);
        }

        var (rows, columns) = Thin();
        return linear(linear(x, Adapter.InTypeOf(x, columns)).mul(_scale), Adapter.InTypeOf(x, rows));
    }

    /// <summary>W·T of W (out, in).</summary>
    public Tensor Transformed(Tensor weight)
    {
        var whole = weight.to(ScalarType.Float32);
        return Transform() is { } transform ? whole.mm(transform) : whole;
    }

    /// <summary>W·T + s·Δ of W (out, in).</summary>
    public Tensor Materialize(Tensor weight) => Transformed(weight) + Residual();

    /// <summary><c>Σ_d Σ_r,r' ‖A^d[:, :, r, r'] − I/R‖</c>: 0 at the start.</summary>
    public Tensor IdentityPenalty() => Sum(core => Ring(core).permute(2, 3, 0, 1).flatten(0, 1));

    /// <summary>The same of the cores of T·Tᵀ, <c>C^d[i, j] = Σ_l A^d[i, l] ⊗ A^d[j, l]</c>, whose ring has the rank R².</summary>
    public Tensor OrthogonalPenalty() => Sum(core => einsum("ilrq,jluv->ruqvij", Ring(core), Ring(core)).flatten(0, 3));

    // Matrices (many, n, n) of each core, whose sum is to be the identity.
    private Tensor Sum(Func<Tensor, Tensor> slices)
        => stack(_transform.Select(core =>
        {
            var matrices = slices(core);
            var rank = Math.Sqrt(matrices.size(0));
            var distance = matrices - eye(core.size(0), device: core.device).div(rank);
            return distance.square().sum([1L, 2L]).add(RootFloor).sqrt().sub(Math.Sqrt(RootFloor)).sum();
        })).sum();

    // Δ as a product (out, k)·(k, in): of the residual tr, k = r² runs over the two places where both halves of the ring meet.
    private (Tensor Rows, Tensor Columns) Thin()
        => _options.Residual == TLoraResidual.Lora
            ? (_rows[0], _columns[0])
            : (TensorRing.Products(_rows).flatten(1), TensorRing.Products(_columns).transpose(1, 2).flatten(1).t());

    private Tensor TransformStart(long size, Initialization start)
    {
        var rank = _options.TransformRank;
        var core = start.Place(eye(size));
        if (rank > 1)
        {
            core = core.div(rank).view(size, size, 1, 1).repeat(1, 1, rank, rank);
        }

        return _options.RingInitJitter == 0 ? core : core + start.Normal(_options.RingInitJitter, core.shape);
    }

    private static Tensor Ring(Tensor core) => core.dim() == 2 ? core.unsqueeze(-1).unsqueeze(-1) : core;

    private static Parameter Kept(Tensor values)
    {
        var parameter = new Parameter(values);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
