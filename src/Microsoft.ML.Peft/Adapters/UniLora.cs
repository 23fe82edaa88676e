using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Uni-LoRA: every number of every LoRA factor is one entry of a single trained vector.</summary>
/// <remarks>
/// <para><c>A = θ[I_A]/√c[I_A]</c>, <c>B = θ[I_B]/√c[I_B]</c>, <c>y = W·x + b + B·A·drop(x)</c>, where c counts how often an entry is used:
/// the projection of θ onto all factors keeps lengths.</para>
/// <para>Shapes: θ (d), shared by all layers; I_A (r, in), I_B (out, r), drawn from a seed. Trains d numbers in the whole model.</para>
/// <para>Does not start as the identity: θ is uniform on ±0.02.</para>
/// <para>Source: HF PEFT's <c>UNILORA</c>; docs/methods-spec/unilora.md.</para>
/// </remarks>
public sealed class UniLora : AdditiveAdapter
{
    private readonly SharedVector _theta;
    private readonly UniLoraOptions _options;

    /// <summary>Puts Uni-LoRA on a layer.</summary>
    /// <param name="target">The layer.</param>
    /// <param name="options">The settings.</param>
    /// <param name="theta">The trained vector.</param>
    /// <param name="indices">Which entry stands at each place of A, then of B.</param>
    /// <param name="scales">What each entry is multiplied by.</param>
    internal UniLora(LinearLayer target, UniLoraOptions options, SharedVector theta, Tensor indices, Tensor scales)
        : base(target)
    {
        (_theta, _options) = (theta, options);
        var first = options.Rank * InFeatures;
        Register("A", indices.narrow(0, 0, first).reshape(options.Rank, InFeatures));
        Register("B", indices.narrow(0, first, indices.numel() - first).reshape(OutFeatures, options.Rank));

        void Register(string factor, Tensor chosen)
        {
            register_parameter("unilora_indices_" + factor, Frozen(chosen.clone()));
            register_parameter("unilora_scales_" + factor, Frozen(scales.index_select(0, chosen.view(-1)).view(chosen.shape)));
        }
    }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => _options.SaveIndices;

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => _options.SaveIndices;

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        foreach (var name in (string[])["unilora_indices_A", "unilora_indices_B"])
        {
            using var scope = NewDisposeScope();
            var indices = get_parameter(name)!;
            if (indices.min().item<long>() < 0 || indices.max().item<long>() >= _theta.Values.numel())
            {
                throw new FormatException($"'{name}' of '{Path}' names an entry beyond the {_theta.Values.numel()} of the vector; the file is damaged.");
            }
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => Factor("B").mm(Factor("A"));

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(context.Dropout(x, _options.Dropout), Factor("A").to(x.dtype)), Factor("B").to(x.dtype));

    private Tensor Factor(string name)
    {
        var indices = get_parameter("unilora_indices_" + name)!;
        return _theta.Values.index_select(0, indices.view(-1)).view(indices.shape).mul(get_parameter("unilora_scales_" + name)!);
    }
}

/// <summary>The trained vector of a <see cref="UniLora"/> adapter.</summary>
public sealed class SharedVector : ModelAdapter
{
    internal SharedVector(Tensor values)
        : base("unilora_theta_d")
    {
        Values = Trainable(values);
        register_parameter("unilora_theta_d", Values);
    }

    /// <summary>(d).</summary>
    public Parameter Values { get; }
}

/// <summary>Settings of <see cref="UniLora"/>.</summary>
[AdapterMethod(
    "UNILORA", AdapterFamily.LowRank, Title = "Uni-LoRA", Formula = "W + B·A, every entry one of θ", Trained = "d in the whole model", InHuggingFace = true, Merges = true)]
public sealed record UniLoraOptions : BiasedOptions
{
    /// <summary>Rank r: 1 or more. Default 4.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 4;

    /// <summary>Length d of the trained vector: 1 or more. Default 256.</summary>
    [JsonPropertyName("theta_d_length")]
    public int VectorLength { get; init; } = 256;

    /// <summary>Seed that places the entries, 0 or more. Default 42.</summary>
    [JsonPropertyName("proj_seed")]
    public long Seed { get; init; } = 42;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("unilora_dropout")]
    public double Dropout { get; init; }

    /// <summary>The vector starts uniform on ± this, above 0. Default 0.02.</summary>
    [JsonPropertyName("init_theta_d_bound")]
    public double Bound { get; init; } = 0.02;

    /// <summary>False starts the vector normal with deviation 1, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsSmall { get; init; } = true;

    /// <summary>Write the places into files; without them they are found again from the seed. Default false.</summary>
    [JsonPropertyName("save_indices")]
    public bool SaveIndices { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(VectorLength, 1);
        Guard.AtLeast(Seed, 0L);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.Positive(Bound);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        var start = build.Initialization;
        var theta = new SharedVector(StartsSmall ? start.Uniform(Bound, VectorLength) : start.Normal(1, VectorLength));
        var parts = new List<Adapter> { theta };
        using var scope = NewDisposeScope();
        var layers = build.RegisteredTargets().Cast<LinearLayer>().ToList();
        var places = Places(layers.Sum(layer => Rank * (layer.InFeatures + layer.OutFeatures)), VectorLength, Seed);
        var indices = tensor(places, device: theta.Values.device);
        var counts = indices.bincount(null, VectorLength).to(ScalarType.Float32);
        var scales = where(counts.gt(0), counts.rsqrt(), zeros_like(counts));
        var done = 0L;
        foreach (var layer in layers)
        {
            var count = Rank * (layer.InFeatures + layer.OutFeatures);
            parts.Add(new UniLora(layer, this, theta, indices.narrow(0, done, count), scales));
            done += count;
        }

        return parts;
    }

    /// <summary>Which entry stands at each place: every entry as often as any other, but for one, in random order.</summary>
    internal static long[] Places(long count, int length, long seed)
    {
        var random = new NumpyRandom((ulong)seed);
        var (each, rest) = (count / length, (int)(count % length));
        var places = new long[count];
        for (var k = 0L; k < each * length; k++)
        {
            places[k] = k / each;
        }

        if (rest > 0)
        {
            random.Choose(length, rest).CopyTo(places, each * length);
        }

        random.Shuffle(places);
        return places;
    }
}
