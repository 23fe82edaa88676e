using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DoRA: LoRA on the direction of each row of the weight, and a trained length beside it.</summary>
/// <remarks>
/// <para><c>V = W + s·B·A; y = (m/‖V‖)⊙(V·x) + b</c>, with the norm of each row of V taken as a constant in the gradient.</para>
/// <para>Shapes: m (out); the others as in <see cref="Lora"/>. Trains r·(in + out) + out numbers.</para>
/// <para>Starts as the identity: m is the length of the rows of the start's V, B is zero.</para>
/// <para>Source: Liu et al. 2024, arXiv:2402.09353.</para>
/// </remarks>
public sealed class Dora : LinearAdapter, ILoraPart
{
    private readonly LoraFactors _factors;
    private readonly Parameter _magnitude; // (out)
    private readonly Tensor _squares;      // (out): squared length of the base's rows

    /// <summary>Puts DoRA on a layer.</summary>
    /// <exception cref="PeftException">The start does not fit the layer.</exception>
    public Dora(LinearLayer target, LoraOptions options, AdapterBuild build)
        : this(target, options, build, target.Weight.Dense())
    {
    }

    internal Dora(LinearLayer target, LoraOptions options, AdapterBuild build, Tensor weight, LoraStartFactors? start = null)
        : base(target)
    {
        _factors = LoraFactors.Create(this, Path, weight, options, build.Initialization, start);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _squares = Squares(target.Weight.Dense()).DetachFromDisposeScope();
        register_buffer("squares", _squares, persistent: false);
        _magnitude = Trainable(RowNorms(weight + _factors.Delta()).to(ScalarType.Float32));
        register_parameter("lora_magnitude_vector", _magnitude);
    }

    LoraFactors ILoraPart.Factors => _factors;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written() => base.Written().Select(w => _factors.Written(w.Parameter, w.Tensor));

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter == "lora_magnitude_vector" ? parameter : parameter + ".weight";

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var moved = weight + _factors.Delta();
        return (_magnitude / RowNorms(moved).detach()).unsqueeze(1) * moved;
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var ratio = InTypeOf(x, _magnitude / Norms(below)); // (out)
        var dropped = _factors.Dropped(x, below.Context);
        var (straight, bias) = (below.Forward(x), below.Bias());
        var thin = _factors.Apply(dropped) * ratio;
        if (ReferenceEquals(dropped, x))
        {
            return (bias is null ? straight * ratio : ((straight - InTypeOf(x, bias)) * ratio) + InTypeOf(x, bias)) + thin;
        }

        // While numbers are dropped, what the ratio adds to the frozen path sees the dropped input too, as in HF PEFT.
        var frozen = nn.functional.linear(dropped, InTypeOf(x, below.Weight()));
        return straight + ((ratio - 1) * frozen) + thin;
    }

    private static Tensor RowNorms(Tensor matrix) => Squares(matrix).sqrt();

    private static Tensor Squares(Tensor matrix) => matrix.to(ScalarType.Float32).square().sum(1);

    private Tensor Norms(LayerCall below)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = below.Weight();
        return _factors.MovedRowNorms(weight, below.IsBase ? _squares : Squares(weight)).MoveToOuterDisposeScope();
    }
}
