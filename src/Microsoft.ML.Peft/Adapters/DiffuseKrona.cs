using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>DiffuseKronA: a Kronecker product of two small whole matrices is added to the attention's weights.</summary>
/// <remarks>
/// <para><c>ΔW = s·(A ⊗ B)</c>, computed as <c>s·A·X·Bᵀ</c> with the input as a matrix X (a₂, b₂): no matrix of the layer's size.</para>
/// <para>Shapes: A (a₁, a₂), B (b₁, b₂) with a₁·b₁ = out, a₂·b₂ = in. Trains a₁·a₂ + b₁·b₂ numbers; the update's rank is that of A times that of B.</para>
/// <para>Starts as the identity: A is drawn with deviation 1/a₁, B is 0 and has no weight decay, which would slow its start.</para>
/// <para>The authors' code puts the outputs in another order (<see cref="KronaLayout.Shuffled"/>); of its tensors A is <c>down</c> transposed and B is <c>up</c>.</para>
/// <para>Source: Marjit et al. 2025 (WACV), arXiv:2402.17412, §3.2; <see cref="LoKrExchange"/> for files of LoKr.</para>
/// </remarks>
public sealed class DiffuseKrona : DroppedUpdateAdapter
{
    [ComponentName(Name = "krona_A")] private readonly Parameter _a; // (a₁, a₂)
    [ComponentName(Name = "krona_B")] private readonly Parameter _b; // (b₁, b₂)

    private readonly DiffuseKronaOptions _options;

    /// <summary>Puts DiffuseKronA on a layer.</summary>
    /// <exception cref="PeftException">a₁ does not divide the outputs, or a₂ the inputs.</exception>
    public DiffuseKrona(LinearLayer target, DiffuseKronaOptions options, AdapterBuild build)
        : base(target, options.RankDropout, options.ModuleDropout)
    {
        _options = options;
        var (a1, a2) = options.FactorsOf(Path, OutFeatures, InFeatures);
        _a = Trainable(build.Initialization.Normal(1.0 / a1, a1, a2)); // the code's deviation; the paper names none
        _b = Trainable(build.Initialization.Zeros(OutFeatures / a1, InFeatures / a2));
        RegisterComponents();
    }

    /// <summary>DiffuseKronA of factors that are there already; it takes them over.</summary>
    internal DiffuseKrona(LinearLayer target, DiffuseKronaOptions options, Tensor a, Tensor b)
        : base(target, options.RankDropout, options.ModuleDropout)
    {
        (_options, _a, _b) = (options, Trainable(a), Trainable(b));
        RegisterComponents();
    }

    /// <summary>A (a₁, a₂).</summary>
    public Tensor A => _a;

    /// <summary>B (b₁, b₂).</summary>
    public Tensor B => _b;

    /// <inheritdoc/>
    protected override bool RescalesRows => false; // as LoKr's default

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new(Decays: parameter != "krona_B");

    /// <inheritdoc/>
    protected internal override Tensor Delta() => Product(_a, _b, _options);

    /// <summary>s·(A ⊗ B), its rows in the order of the layout.</summary>
    internal static Tensor Product(Tensor a, Tensor b, DiffuseKronaOptions options)
    {
        var product = kron(a, b).mul(options.Scaling);
        return options.Layout == KronaLayout.Kron
            ? product
            : product.view(a.size(0), b.size(0), product.size(1)).transpose(0, 1).reshape(product.shape);
    }

    /// <inheritdoc/>
    protected override Tensor Product(Tensor x)
    {
        var (a, b, given) = ((Tensor)_a, (Tensor)_b, InTypeOf(_a, x)); // in the type of A beside a base of another type
        var (a1, a2, b1, b2) = (_a.size(0), _a.size(1), _b.size(0), _b.size(1));
        var front = x.shape[..^1];
        var matrix = given.reshape([.. front, a2, b2]);
        var y = a1 * b2 * (a2 + b1) <= a2 * b1 * (b2 + a1) ? linear(matmul(a, matrix), b) : matmul(a, linear(matrix, b)); // (…, a₁, b₁)
        return InTypeOf(x, (_options.Layout == KronaLayout.Kron ? y : y.transpose(-2, -1)).reshape([.. front, OutFeatures]).mul(_options.Scaling));
    }
}
