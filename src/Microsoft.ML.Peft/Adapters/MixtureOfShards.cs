using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>MoS: LoRA whose factors are put together from shards of pools that all layers of a kind share.</summary>
/// <remarks>
/// <para><c>y = W·x + b + (α/r)·B·A·drop(x)</c>; row j of A are the shards I_A[j·l … j·l + l) of the pool beside each other, column j of B likewise.</para>
/// <para>Pools of a group of L layers of one name and size: A (e·L·l, in/l), B (e·L·l, out/l). Each layer draws (r − p)·l different public shards for A and for B
/// apart and owns p·l private ones, which are its last p ranks. Trains e·L·(in + out) numbers a group: as many as LoRA of rank e.</para>
/// <para>Starts as the identity: the pool of A is uniform on ±1/√in, that of B zero. No weight decay acts on the pools.</para>
/// <para>Source: Wang et al. 2025, arXiv:2410.00938.</para>
/// </remarks>
public sealed class MixtureOfShards : AdditiveAdapter, ILowRankUpdate
{
    private readonly ShardPools _pools;
    private readonly Parameter _indicesA; // (r·l)
    private readonly Parameter _indicesB; // (r·l)
    private readonly MixtureOfShardsOptions _options;

    internal MixtureOfShards(LinearLayer target, MixtureOfShardsOptions options, ShardPools pools, int member, Initialization draws)
        : base(target)
    {
        (_options, _pools) = (options, pools);
        _indicesA = Draw();
        _indicesB = Draw(); // apart from those of A
        register_parameter("mos_indices_A", _indicesA);
        register_parameter("mos_indices_B", _indicesB);

        Parameter Draw()
        {
            using var scope = NewDisposeScope();
            var drawn = draws.Uniform(1, pools.PublicCount).argsort().narrow(0, 0, (options.Rank - options.PrivateRank) * options.Shards);
            var owned = options.PrivateRank * options.Shards;
            var first = pools.PublicCount + (member * owned);
            return Frozen(cat([drawn, arange(first, first + owned, ScalarType.Int64, drawn.device)]));
        }
    }

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        foreach (var (name, indices) in named_parameters())
        {
            if (indices.cpu().data<long>().ToArray().Any(shard => shard < 0 || shard >= _pools.Count))
            {
                throw new FormatException($"{name} of '{Path}' names a shard beyond the {_pools.Count} of the pool; the file is damaged.");
            }
        }
    }

    private float Scale => (float)(_options.Alpha / _options.Rank);

    /// <inheritdoc/>
    protected internal override Tensor Delta() => B().t().mm(A()).mul(Scale);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var (low, b) = Low(x, context);
        return linear(low.mul(Scale), b.t());
    }

    /// <inheritdoc/>
    protected override Tensor AddTo(Tensor output, Tensor x, ForwardContext context)
    {
        if (x.dim() != 2)
        {
            return output + Correction(x, context);
        }

        var (low, b) = Low(x, context);
        return output.addmm(low, b, 1f, Scale);
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update() => (A(), B().t().mul(Scale), null);

    // A·drop(x) (…, r) and Bᵀ (r, out); a prediction puts the shards together once.
    private (Tensor Low, Tensor B) Low(Tensor x, ForwardContext context)
        => (linear(context.Dropout(x, _options.Dropout), context.Once(this, "A", x.dtype, A)), context.Once(this, "B", x.dtype, B));

    private Tensor A() => _pools.A.index_select(0, _indicesA).view(_options.Rank, InFeatures);

    private Tensor B() => _pools.B.index_select(0, _indicesB).view(_options.Rank, OutFeatures);
}

/// <summary>The pools of a group of layers, called <c>base_model.mos_&lt;A or B&gt;.&lt;name of the layers&gt;</c> in files.</summary>
internal sealed class ShardPools : ModelAdapter
{
    private readonly string _group;

    public ShardPools(string group, long members, long inputs, long outputs, MixtureOfShardsOptions options, Initialization initialization)
        : base($"shards of {group}")
    {
        _group = group;
        PublicCount = (options.EquivalentRank - options.PrivateRank) * members * options.Shards;
        Count = options.EquivalentRank * members * options.Shards;
        A = Trainable(initialization.Uniform(1 / Math.Sqrt(inputs), Count, inputs / options.Shards));
        B = Trainable(initialization.Zeros(Count, outputs / options.Shards));
        register_parameter("mos_A", A);
        register_parameter("mos_B", B);
    }

    public Parameter A { get; }

    public Parameter B { get; }

    public long PublicCount { get; }

    public long Count { get; }

    protected internal override string FileName(string parameter) => parameter.Length == 0 ? "" : $"{parameter}.{_group}";

    /// <summary>No weight decay: a shard that no layer has drawn is never trained, and would only fade.</summary>
    protected internal override OptimizerGroup GroupOf(string parameter) => new("", Decays: false);
}

/// <summary>Settings of <see cref="MixtureOfShards"/>.</summary>
[AdapterMethod(
    "MOS", AdapterFamily.LowRank, Title = "MoS", Paper = "arXiv:2410.00938", Formula = "W + (α/r)·B·A of shared shards", Trained = "e·(in + out), shared",
    Merges = true)]
public sealed record MixtureOfShardsOptions : AdapterOptions
{
    /// <summary>Rank r of each layer: <see cref="PrivateRank"/> to (e − p)·L + p for a group of L layers. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16)]
    public int Rank { get; init; } = 8;

    /// <summary>Budget e: the rank of a LoRA with as many trained numbers. Default 2.</summary>
    [JsonPropertyName("equivalent_rank")]
    public int EquivalentRank { get; init; } = 2;

    /// <summary>Ranks p of each layer that no other layer uses: 0 to e. Default 1.</summary>
    [JsonPropertyName("private_rank")]
    public int PrivateRank { get; init; } = 1;

    /// <summary>Shards l of each vector: a divisor of the layer's inputs and outputs. Default 2.</summary>
    [JsonPropertyName("num_shards"), SearchChoices(1, 2, 4)]
    public int Shards { get; init; } = 2;

    /// <summary>Numerator α of the scale, above 0. Default 16.</summary>
    [JsonPropertyName("lora_alpha")]
    public double Alpha { get; init; } = 16;

    /// <summary>Share of the input that the low-rank path drops while training: 0 to 0.99. Default 0.1.</summary>
    [JsonPropertyName("lora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; } = 0.1;

    /// <summary>Seed by which the layers draw their shards, the same in every run. Default null: that of the adapter, by which the pools start too.</summary>
    [JsonPropertyName("seed")]
    public int? Seed { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(EquivalentRank, 1);
        Guard.InRange(PrivateRank, 0, EquivalentRank);
        Guard.AtLeast(Rank, Math.Max(1, PrivateRank));
        Guard.AtLeast(Shards, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        if (PrivateRank == EquivalentRank && Rank != EquivalentRank)
        {
            throw new ArgumentException($"PrivateRank is {PrivateRank}, all of EquivalentRank, so there are no shared shards and Rank must be {EquivalentRank}; it is {Rank}.");
        }
    }

    /// <inheritdoc/>
    protected internal override TargetModules DefaultSelection(Backbone backbone) => TargetModules.AllLinear; // as in the paper

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        using var seeded = Seed is { } seed ? build.Initialization.Seeded(seed) : null;
        foreach (var group in build.Targets.Cast<LinearLayer>().GroupBy(l => (Name: l.Path[(l.Path.LastIndexOf('.') + 1)..], l.InFeatures, l.OutFeatures)))
        {
            var layers = group.ToList();
            var ((name, inputs, outputs), most) = (group.Key, ((EquivalentRank - PrivateRank) * layers.Count) + PrivateRank);
            if (inputs % Shards != 0 || outputs % Shards != 0 || Rank > most)
            {
                throw new PeftException(
                    $"The {layers.Count} layers '{name}' ({outputs} × {inputs}) do not fit num_shards {Shards} and r {Rank}: num_shards must divide both sides, and r be at most {most}.");
            }

            var pools = new ShardPools($"{name}_{inputs}x{outputs}", layers.Count, inputs, outputs, this, build.Initialization);
            yield return pools;
            for (var k = 0; k < layers.Count; k++)
            {
                yield return new MixtureOfShards(layers[k], this, pools, k, seeded ?? build.Initialization);
            }
        }
    }
}
