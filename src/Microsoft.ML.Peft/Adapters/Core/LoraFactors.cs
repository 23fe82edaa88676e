using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Two thin factors and their scale, <c>ΔW = s·(B·A − B₀·A₀)</c>, where the start B₀·A₀ is there only if it was taken out of the base.</summary>
internal sealed class LoraFactors
{
    private readonly nn.Module _owner;
    private readonly LoraOptions? _options; // null for factors that were there already
    private Tensor? _startA; // (r, in)
    private Tensor? _startB; // (out, r)
    private long? _rows; // of B, while it is as small as the file's

    private LoraFactors(nn.Module owner, LoraOptions? options) => (_owner, _options) = (owner, options);

    /// <summary>A (r, in).</summary>
    public Parameter A { get; private set; } = null!;

    /// <summary>B (out, r).</summary>
    public Parameter B { get; private set; } = null!;

    /// <summary>α.</summary>
    public double Alpha { get; private set; }

    /// <summary>s.</summary>
    public double Scale { get; private set; }

    /// <summary>r.</summary>
    public int Rank => (int)A.size(0);

    /// <summary>True where files hold the update B·A − B₀·A₀ at twice the rank, because the start cannot be made again from the base alone.</summary>
    public bool IsWrittenAsUpdate { get; private set; }

    /// <summary>Rows of B that files hold, in rising order; the others are zero. Null for all.</summary>
    public long[]? StoredRows { get; set; }

    /// <summary>Factors for a weight (out, in), started as the options say; the tensors belong to the module.</summary>
    /// <param name="owner">The module that trains and keeps them, as <c>lora_A</c> and <c>lora_B</c>.</param>
    /// <param name="path">Path of the layer, for patterns and messages.</param>
    /// <param name="weight">The weight (out, in) as a matrix.</param>
    /// <param name="options">Rank, scale, start.</param>
    /// <param name="initialization">The stream of random numbers.</param>
    /// <param name="given">A start that was computed already, or null.</param>
    public static LoraFactors Create(
        nn.Module owner, string path, Tensor weight, LoraOptions options, Initialization initialization, LoraStartFactors? given = null)
    {
        var (rank, alpha) = options.RankAndAlphaOf(path);
        var factors = new LoraFactors(owner, options);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        factors.Start(given ?? LoraStarts.Of(options, path, weight, rank, options.ScaleOf(rank, alpha), initialization), alpha);
        return factors;
    }

    /// <summary>Factors that are there already.</summary>
    public static LoraFactors Of(nn.Module owner, Tensor a, Tensor b, double scale)
    {
        var factors = new LoraFactors(owner, null) { Scale = scale, Alpha = scale * a.size(0) };
        (factors.A, factors.B) = (factors.Register("lora_A", new Parameter(a)), factors.Register("lora_B", new Parameter(b)));
        return factors;
    }

    /// <summary>Starts anew, maybe with another rank; the numbers are copied.</summary>
    /// <param name="start">The start.</param>
    /// <param name="alpha">α.</param>
    public void Start(LoraStartFactors start, double alpha)
    {
        Alpha = alpha;
        A = Keep("lora_A", A, start.A, start.TrainsA && !_options!.FreezeA);
        B = Keep("lora_B", B, start.B, start.TrainsB);
        Scale = _options!.ScaleOf(Rank, alpha);
        IsWrittenAsUpdate = start.IsResidual && !start.IsRepeatable;
        (_startA, _startB) = start.IsResidual ? (Buffer("start_A", _startA, start.A), Buffer("start_B", _startB, start.B)) : (_startA, _startB);

        Parameter Keep(string name, Parameter? before, Tensor values, bool trained)
        {
            if (before is not null)
            {
                _owner.register_parameter(name, null!);
                before.Dispose();
            }

            return Register(name, new Parameter(values.to(ScalarType.Float32, copy: true).contiguous(), requires_grad: trained));
        }

        Tensor Buffer(string name, Tensor? before, Tensor values)
        {
            if (before is not null)
            {
                throw new InvalidOperationException($"The factors of '{_owner.GetName()}' have a start that was taken out of the base already.");
            }

            var buffer = values.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();
            _owner.register_buffer(name, buffer, persistent: false);
            return buffer;
        }
    }

    /// <summary>True where the start was taken out of the base.</summary>
    public bool IsResidual => _startA is not null;

    /// <summary>What a file holds of a parameter of the module: the update's factors where the start cannot be made again.</summary>
    public (string Parameter, Tensor Tensor) Written(string parameter, Tensor tensor)
    {
        if (StoredRows is not null && parameter == "lora_B")
        {
            return (parameter, tensor.index_select(0, TorchSharp.torch.tensor(StoredRows, device: tensor.device)));
        }

        if (!IsWrittenAsUpdate || parameter is not ("lora_A" or "lora_B"))
        {
            return (parameter, tensor);
        }

        var (a, b) = Both();
        return (parameter, parameter == "lora_A" ? a : b);
    }

    /// <summary>Makes B as small as the file's, where that holds the rows of <see cref="StoredRows"/> alone.</summary>
    /// <param name="rows">Rows that the file has of B.</param>
    public void Expect(long rows)
    {
        if (StoredRows?.Length == rows && rows != B.size(0))
        {
            _rows = B.size(0);
            Replace(empty(rows, Rank, device: B.device));
        }
    }

    /// <summary>Brings a B that was read in small to its size.</summary>
    public void Loaded()
    {
        if (_rows is { } rows)
        {
            _rows = null;
            using var _ = no_grad();
            Replace(zeros([rows, Rank], device: B.device).index_copy(0, TorchSharp.torch.tensor(StoredRows!, device: B.device), B));
        }
    }

    /// <summary>Factors whose product is ΔW, and s: where a start was taken out of the base they have twice the rank.</summary>
    public (Tensor A, Tensor B, double Scale) Updated
    {
        get
        {
            var (a, b) = Both();
            return (a, b, Scale);
        }
    }

    /// <summary>ΔW (out, in).</summary>
    public Tensor Delta() => _startA is null ? B.mm(A).mul(Scale) : B.mm(A).sub(_startB!.mm(_startA)).mul(Scale);

    /// <summary>The input as the thin path sees it: a share of it dropped while training.</summary>
    public Tensor Dropped(Tensor x, ForwardContext context) => context.Dropout(x, _options?.Dropout ?? 0);

    /// <summary><c>s·(B·A − B₀·A₀)·x</c> for x (…, in) by two thin products: r·(in + out) a row, where ΔW would cost in·out.</summary>
    public Tensor Apply(Tensor x)
    {
        var (a, b) = Thin(x);
        return linear(linear(x, a).mul(Scale), b);
    }

    /// <summary>The same with a factor for each token (tokens, 1).</summary>
    public Tensor Apply(Tensor x, Tensor share)
    {
        var (a, b) = Thin(x);
        return linear(linear(x, a).mul(Adapter.InTypeOf(x, share.mul(Scale))), b);
    }

    /// <summary>The same added to an output (rows, out); scale and sum ride along with the second product.</summary>
    public Tensor AddTo(Tensor output, Tensor x)
    {
        var (a, b) = Thin(x);
        return output.addmm(linear(x, a), b.t(), 1f, (float)Scale);
    }

    /// <summary>Length of each row of W + ΔW, from <c>‖w‖² + 2s·b·(A·w) + s²·b·(A·Aᵀ)·b</c> for a row w of W and b of B, so that no second weight is built.</summary>
    /// <param name="weight">W (out, in).</param>
    /// <param name="squares">‖w‖² of each row (out).</param>
    public Tensor MovedRowNorms(Tensor weight, Tensor squares)
    {
        var (a, b) = Both();
        var cross = weight.mm(Adapter.InTypeOf(weight, a).t()).to(ScalarType.Float32); // (out, r)
        var moved = squares + b.mul(cross.mul(2 * Scale).add_(b.mm(a.mm(a.t())).mul(Scale * Scale))).sum(1);
        return moved.clamp_min_(0).sqrt_();
    }

    private (Tensor A, Tensor B) Both() => _startA is null ? (A, B) : (cat([A, _startA]), cat([B, _startB!.neg()], 1));

    private (Tensor A, Tensor B) Thin(Tensor x)
    {
        var (a, b) = Both();
        return (Adapter.InTypeOf(x, a), Adapter.InTypeOf(x, b));
    }

    private void Replace(Tensor values)
    {
        var before = B;
        _owner.register_parameter("lora_B", null!);
        B = Register("lora_B", new Parameter(values, before.requires_grad));
        before.Dispose();
    }

    private Parameter Register(string name, Parameter parameter)
    {
        parameter.DetachFromDisposeScope();
        _owner.register_parameter(name, parameter);
        return parameter;
    }
}
