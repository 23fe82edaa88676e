using System.Globalization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>AdaMSS: the outputs of a layer are divided into groups of alike rows; each group gets a low-rank update in a shared subspace of the
/// inputs.</summary>
/// <remarks>
/// <para><c>y_g = (W·x + b)_g + B_g·A_g·P·[x; 1]</c> for the outputs of group g; the last column, for the bias, only where the layer has one.</para>
/// <para>P (r, in + 1) are the first right singular vectors of <c>[W b]</c>, frozen; the groups are found by k-means on its left ones.</para>
/// <para>Shapes: A_g (r_g, r), B_g (size of g, r_g). Trains r_g·(r + size of g) numbers a group. Starts as the identity: A_g are the main
/// directions of the group, B_g zero.</para>
/// <para>Source: AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning, NeurIPS 2025.</para>
/// </remarks>
public sealed class AdaMss : AdditiveAdapter
{
    private const int Rounds = 10; // of k-means
    private const uint ClusterSeed = 123456789;

    private readonly List<Parameter> _a = [];
    private readonly List<Parameter> _b = [];
    private readonly Parameter _subspace; // (r, in), or (r, in + 1) with a bias
    private readonly Parameter _order; // (out), Int64: where each output is in the groups one after the other

    /// <summary>Puts AdaMSS on a layer.</summary>
    public AdaMss(LinearLayer target, AdaMssOptions options, AdapterBuild build)
        : base(target)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var weight = target.FrozenWeight.to(ScalarType.Float32);
        var whole = target.Bias is { } bias ? cat([weight, bias.to(ScalarType.Float32).unsqueeze(1)], 1) : weight;
        var rank = Math.Min(options.Rank, Math.Min(whole.size(0), whole.size(1)));
        var (left, _, right) = LowRankSvd.Of(whole, rank, 2, options.Seed);
        var groups = RowClusters.Of(left, (int)Math.Min(options.Subspaces, OutFeatures), Rounds, ClusterSeed);
        for (var g = 0; g < groups.Length; g++)
        {
            var rows = left.index_select(0, tensor(groups[g]).to(left.device)); // (size, r)
            var (main, values, _) = linalg.svd(rows, fullMatrices: false);
            var own = options.RankOf(values, rows.size(0));
            var directions = linalg.qr(rows.t().mm(main.narrow(1, 0, own))).Q.t().contiguous(); // (own, r)
            _a.Add(Register("adamss_A", g, Trainable(directions)));
            _b.Add(Register("adamss_B", g, Trainable(options.IdentityStart
                ? build.Initialization.Zeros(rows.size(0), own)
                : build.Initialization.Normal(0.01, rows.size(0), own))));
        }

        _subspace = Frozen(right.contiguous());
        _order = Frozen(build.Initialization.Place(tensor(groups.SelectMany(rows => rows).ToArray()).argsort(0)));
        register_parameter("adamss_newB", _subspace);
        register_parameter("order", _order);
    }

    /// <summary>The trained tensors of each group.</summary>
    internal IEnumerable<(Parameter A, Parameter B)> Groups => _a.Zip(_b);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Replace('-', '.');

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "order";

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "order";

    /// <inheritdoc/>
    protected internal override Tensor Delta() => Up().mm(Down().narrow(1, 0, InFeatures));

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? below)
        => Layer.Bias is null ? below : below! + Up().mm(Down().narrow(1, InFeatures, 1)).squeeze(1);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var down = InTypeOf(x, Down());
        var low = Layer.Bias is null ? linear(x, down) : linear(x, down.narrow(1, 0, InFeatures), down.select(1, InFeatures));
        return linear(low, InTypeOf(x, Up()));
    }

    private Tensor Down() => cat([.. _a], 0).mm(_subspace); // (Σ r_g, in + 1)

    private Tensor Up() => block_diag([.. _b]).index_select(0, _order); // (out, Σ r_g)

    private Parameter Register(string name, int group, Parameter parameter)
    {
        register_parameter(string.Create(CultureInfo.InvariantCulture, $"{name}-{group}"), parameter); // no dots in names
        return parameter;
    }
}
