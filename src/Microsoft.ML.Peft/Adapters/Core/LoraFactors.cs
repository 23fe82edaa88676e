using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Two thin factors and their scale, <c>ΔW = s·(B·A − B₀·A₀)</c>, where the start B₀·A₀ is there only if it was taken out of the base.</summary>
internal sealed class LoraFactors
{
    private readonly Tensor? _startA; // (r, in)
    private readonly Tensor? _startB; // (out, r)
    private readonly double _dropout;

    private LoraFactors(Parameter a, Parameter b, double scale, double dropout, Tensor? startA, Tensor? startB)
        => (A, B, Scale, _dropout, _startA, _startB) = (a, b, scale, dropout, startA, startB);

    /// <summary>A (r, in).</summary>
    public Parameter A { get; }

    /// <summary>B (out, r).</summary>
    public Parameter B { get; }

    /// <summary>s.</summary>
    public double Scale { get; }

    /// <summary>Factors for a weight (out, in), started as the options say; the tensors belong to the module.</summary>
    /// <param name="owner">The module that trains and keeps them, as <c>lora_A</c> and <c>lora_B</c>.</param>
    /// <param name="path">Path of the layer, for patterns and messages.</param>
    /// <param name="weight">The weight (out, in) as a matrix.</param>
    /// <param name="options">Rank, scale, start.</param>
    /// <param name="initialization">The stream of random numbers.</param>
    public static LoraFactors Create(nn.Module owner, string path, Tensor weight, LoraOptions options, Initialization initialization)
    {
        var (rank, scale) = options.RankAndScaleOf(path);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var start = LoraStarts.Of(options.Start, path, weight, rank, scale, initialization);
        var a = Keep("lora_A", start.A, start.TrainsA && !options.FreezeA);
        var b = Keep("lora_B", start.B, start.TrainsB);
        return start.IsResidual
            ? new(a, b, scale, options.Dropout, Buffer("start_A", start.A), Buffer("start_B", start.B))
            : new(a, b, scale, options.Dropout, null, null);

        Parameter Keep(string name, Tensor values, bool trained)
        {
            var parameter = new Parameter(values.to(ScalarType.Float32, copy: true).contiguous(), requires_grad: trained);
            parameter.DetachFromDisposeScope();
            owner.register_parameter(name, parameter);
            return parameter;
        }

        Tensor Buffer(string name, Tensor values)
        {
            var buffer = values.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();
            owner.register_buffer(name, buffer, persistent: false);
            return buffer;
        }
    }

    /// <summary>Factors that are there already.</summary>
    public static LoraFactors Of(nn.Module owner, Tensor a, Tensor b, double scale)
    {
        var (first, second) = (new Parameter(a), new Parameter(b));
        first.DetachFromDisposeScope();
        second.DetachFromDisposeScope();
        owner.register_parameter("lora_A", first);
        owner.register_parameter("lora_B", second);
        return new(first, second, scale, 0, null, null);
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
    public Tensor Dropped(Tensor x, ForwardContext context) => context.Dropout(x, _dropout);

    /// <summary><c>s·(B·A − B₀·A₀)·x</c> for x (…, in) by two thin products: r·(in + out) a row, where ΔW would cost in·out.</summary>
    public Tensor Apply(Tensor x)
    {
        var (a, b) = Thin(x);
        return linear(linear(x, a).mul(Scale), b);
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
}
