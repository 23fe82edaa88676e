using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>TinyLoRA: a few trained numbers mix random matrices between the leading singular vectors of the frozen weight.</summary>
/// <remarks>
/// <para><c>ΔW = B·R·A</c> with <c>R = Σᵢ vᵢ·Pᵢ</c>; <c>B = U_r·√S_r</c> and <c>A = √S_r·V_rᵀ</c> come from the singular values of W.</para>
/// <para>Shapes: v (u), trained, shared by a group of layers; P (u, r, r) from a seed; A (r, in), B (out, r), frozen. Trains u numbers a group.</para>
/// <para>Starts as the identity: v is 0.</para>
/// <para>Source: arXiv:2602.04118; docs/methods-spec/tinylora.md.</para>
/// </remarks>
public sealed class TinyLora : AdditiveAdapter
{
    private readonly TinyVectors _vectors;
    private readonly TinyLoraOptions _options;
    private readonly int _group;
    private readonly Parameter _a; // (r, in)
    private readonly Parameter _b; // (out, r)
    private readonly Parameter _p; // (u, r, r)

    /// <summary>Puts TinyLoRA on a layer.</summary>
    /// <param name="target">The layer.</param>
    /// <param name="options">The settings.</param>
    /// <param name="vectors">The trained vectors.</param>
    /// <param name="group">Which of them is this layer's.</param>
    /// <param name="index">Place of the layer among the targets, which its random matrices come from.</param>
    /// <param name="build">What there is to make it of.</param>
    internal TinyLora(LinearLayer target, TinyLoraOptions options, TinyVectors vectors, int group, int index, AdapterBuild build)
        : base(target)
    {
        (_vectors, _options, _group) = (vectors, options, group);
        (_a, _b, _p) = Matrices(target.FrozenWeight, options, index, build);
        register_parameter("tinylora_A", _a);
        register_parameter("tinylora_B", _b);
        register_parameter("tinylora_P", _p);
    }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter != "tinylora_P"; // made from the seed where a file lacks it

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "tinylora_P" || _options.SaveProjection;

    /// <inheritdoc/>
    protected internal override Tensor Delta() => _b.mm(R()).mm(_a);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(linear(context.Dropout(x, _options.Dropout), InTypeOf(x, _a)), R().to(x.dtype)), InTypeOf(x, _b));

    /// <summary>A (r, in), B (out, r) and P (u, r, r) of a weight (out, in).</summary>
    internal static (Parameter A, Parameter B, Parameter P) Matrices(Tensor weight, TinyLoraOptions options, int index, AdapterBuild build)
    {
        using var scope = NewDisposeScope();
        var (u, s, vh) = linalg.svd(weight.to(ScalarType.Float32), fullMatrices: false);
        var rank = Math.Min(options.Rank, s.numel());
        var root = s.narrow(0, 0, rank).sqrt();
        using var stream = build.Initialization.Seeded(options.ProjectionSeed + index);
        return (
            Frozen(vh.narrow(0, 0, rank).mul(root.unsqueeze(1)).contiguous()),
            Frozen(u.narrow(1, 0, rank).mul(root).contiguous()),
            Frozen(stream.Normal(1 / Math.Sqrt(rank), options.VectorLength, rank, rank)));
    }

    private Tensor R() => _vectors.Mixed(_group, _p);
}

/// <summary>The trained vectors of a <see cref="TinyLora"/> adapter, one for each group of layers.</summary>
public sealed class TinyVectors : ModelAdapter
{
    private readonly List<Parameter> _vectors = [];

    internal TinyVectors(IEnumerable<Tensor> vectors)
        : base("tinylora_v")
    {
        foreach (var vector in vectors)
        {
            _vectors.Add(Trainable(vector));
            register_parameter($"{_vectors.Count - 1}", _vectors[^1]);
        }
    }

    /// <summary>The vector (u) of a group.</summary>
    public Parameter this[int group] => _vectors[group];

    /// <summary>R (r, r) of a group and P (u, r, r).</summary>
    internal Tensor Mixed(int group, Tensor p) => _vectors[group].matmul(p.view(p.size(0), -1)).view(p.size(1), p.size(2));

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => "tinylora_v." + parameter;
}

/// <summary>How the vectors of TinyLoRA start.</summary>
[JsonConverter(typeof(TinyLoraStartConverter))]
public enum TinyLoraStart
{
    /// <summary>At 0: the identity.</summary>
    Default,

    /// <summary>Uniform on ± <see cref="TinyLoraOptions.Bound"/>.</summary>
    Uniform,
}

/// <summary>Settings of <see cref="TinyLora"/>.</summary>
[AdapterMethod(
    "TINYLORA", AdapterFamily.LowRank, Title = "TinyLoRA", Paper = "arXiv:2602.04118", Formula = "W + B·(Σᵢ vᵢ·Pᵢ)·A, B and A of W's singular vectors", Trained = "u a group",
    InHuggingFace = true, Merges = true)]
public sealed record TinyLoraOptions : BiasedOptions
{
    /// <summary>How many singular vectors r: 1 or more. Default 2.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 2;

    /// <summary>Length u of a trained vector: 1 or more. Default 64.</summary>
    [JsonPropertyName("u")]
    public int VectorLength { get; init; } = 64;

    /// <summary>How far layers share a vector: 0 is one for each layer, 1 is one for all. Default 0.</summary>
    [JsonPropertyName("weight_tying")]
    public double Sharing { get; init; }

    /// <summary>Seed of the random matrices. Default 42.</summary>
    [JsonPropertyName("projection_seed")]
    public long ProjectionSeed { get; init; } = 42;

    /// <summary>Write the random matrices into files; without them they are drawn again from the seed. Default true.</summary>
    [JsonPropertyName("save_projection")]
    public bool SaveProjection { get; init; } = true;

    /// <summary>Bound of the uniform start, above 0. Default 0.02.</summary>
    [JsonPropertyName("init_v_bound")]
    public double Bound { get; init; } = 0.02;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("tinylora_dropout")]
    public double Dropout { get; init; }

    /// <summary>How the vectors start. Default: at 0.</summary>
    [JsonPropertyName("init_weights")]
    public TinyLoraStart Start { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(VectorLength, 1);
        Guard.InRange(Sharing, 0.0, 1.0);
        Guard.Positive(Bound);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or EmbeddingLayer;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var layers = build.RegisteredTargets();
        var count = layers.Count;
        var groups = Math.Max(1, (int)Math.Round(count * (1 - Sharing), MidpointRounding.ToEven));
        var size = Math.Max(1, count / groups);
        var start = build.Initialization;
        var vectors = new TinyVectors(Enumerable.Range(0, groups)
            .Select(_ => Start == TinyLoraStart.Uniform ? start.Uniform(Bound, VectorLength) : start.Zeros(VectorLength)));
        yield return vectors;
        for (var k = 0; k < count; k++)
        {
            var group = Math.Min(k / size, groups - 1);
            yield return layers[k] is LinearLayer linear
                ? new TinyLora(linear, this, vectors, group, k, build)
                : new TinyLoraEmbedding((EmbeddingLayer)layers[k], this, vectors, group, k, build);
        }
    }
}

internal sealed class TinyLoraStartConverter() : NamedStartConverter<TinyLoraStart>((TinyLoraStart.Default, true), (TinyLoraStart.Uniform, "uniform"), (TinyLoraStart.Default, false));
