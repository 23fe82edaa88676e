using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The form of the residual of <see cref="TLora"/>.</summary>
public enum TLoraResidual
{
    /// <summary>B·A.</summary>
    [JsonStringEnumMemberName("lora")]
    Lora,

    /// <summary>A tensor ring with a core for each factor of the outputs, then of the inputs.</summary>
    [JsonStringEnumMemberName("tr")]
    Tr,

    /// <summary>A tensor ring matrix, whose cores have a factor of the outputs and one of the inputs.</summary>
    [JsonStringEnumMemberName("trm")]
    Trm,
}

/// <summary>Settings of <see cref="TLora"/>.</summary>
[AdapterMethod(
    "TLORA", AdapterFamily.Multiplicative, Title = "TLoRA", Paper = "arXiv:2501.08727", Formula = "W·T + s·Δ, T a tensor ring",
    Trained = "R²·ΣI_d² and r·(in + out), r²·(ΣI_d + ΣJ_d) or r²·ΣI_d·J_d", Merges = true)]
public sealed record TLoraOptions : AdapterOptions
{
    /// <summary>Rank R of the ring of the transform: 0 to 4; 0 for none, 1 for a Kronecker product. Default 1.</summary>
    [JsonPropertyName("transform_rank"), SearchChoices(0, 1, 2)]
    public int TransformRank { get; init; } = 1;

    /// <summary>Rank r of the residual: 1 or more. Default 4.</summary>
    [JsonPropertyName("r"), SearchChoices(1, 2, 4, 8)]
    public int Rank { get; init; } = 4;

    /// <summary>Form of the residual. Default <see cref="TLoraResidual.Lora"/>.</summary>
    [JsonPropertyName("residual_type")]
    [JsonConverter(typeof(JsonStringEnumConverter<TLoraResidual>))]
    public TLoraResidual Residual { get; init; }

    /// <summary>Numerator α of the residual's scale, finite and above 0. Default 1.</summary>
    [JsonPropertyName("lora_alpha")]
    public double Alpha { get; init; } = 1;

    /// <summary>Scale by α/√r in place of α/r, whatever the residual. Default true.</summary>
    [JsonPropertyName("use_rslora")]
    public bool RankStabilized { get; init; } = true;

    /// <summary>Factors of the inputs of every layer, of a convolution those of in/g·∏k. Default null: three of least sum, of a convolution two of its channels and
    /// one of the places of its kernel.</summary>
    [JsonPropertyName("in_shape")]
    public IReadOnlyList<long>? InShape { get; init; }

    /// <summary>Factors of the outputs of every layer. Default null: three of least sum.</summary>
    [JsonPropertyName("out_shape")]
    public IReadOnlyList<long>? OutShape { get; init; }

    /// <summary>Share of the input that the residual drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout")]
    public double Dropout { get; init; }

    /// <summary>Weight in the loss of what the cores of the transform differ from the identity's: 0 to 1, of which up to 0.01 is usual. Default 0.</summary>
    [JsonPropertyName("reg_identity")]
    public double IdentityWeight { get; init; }

    /// <summary>Weight in the loss of what the transform differs from a rotation: 0 to 1, of which up to 0.01 is usual. Default 0.</summary>
    [JsonPropertyName("reg_orth")]
    public double OrthogonalWeight { get; init; }

    /// <summary>Deviation of normal numbers on the cores of the transform at the start, which then is the identity only nearly: 0 to 0.1. Default 0, as in
    /// the paper; 1e-3 lets a ring of rank 2 and above learn what rank 1 cannot.</summary>
    [JsonPropertyName("ring_init_jitter")]
    public double RingInitJitter { get; init; }

    /// <summary>False to leave the transform out of the weight decay, which draws it to 0. Default true, as the authors have it.</summary>
    [JsonPropertyName("decay_transform")]
    public bool TransformDecays { get; init; } = true;

    /// <summary>Multiply by the whole transform, which is slower for all but small layers and gives the same. Default false.</summary>
    [JsonPropertyName("dense_transform")]
    public bool DenseTransform { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(TransformRank, 0, 4);
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.InRange(IdentityWeight, 0.0, 1.0);
        Guard.InRange(OrthogonalWeight, 0.0, 1.0);
        Guard.InRange(RingInitJitter, 0.0, 0.1);
        if (!Enum.IsDefined(Residual))
        {
            throw new ArgumentOutOfRangeException(nameof(Residual), $"Residual is {Residual}; it must be {string.Join(", ", Enum.GetNames<TLoraResidual>())}.");
        }

        foreach (var (name, shape) in (ReadOnlySpan<(string, IReadOnlyList<long>?)>)[(nameof(InShape), InShape), (nameof(OutShape), OutShape)])
        {
            if (shape is not null && (shape.Count == 0 || shape.Any(size => size < 1)))
            {
                throw new ArgumentException($"{name} is ({string.Join(", ", shape)}); it must have one factor or more, each at least 1.");
            }
        }
    }

    /// <summary>Queries, keys, values and output of every attention, as in the paper.</summary>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone) => TargetSelection.AttentionNames(backbone.Layers);

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or Conv1dLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => (Adapter)(layer is LinearLayer linear ? new TLora(linear, this, build) : new TLoraConvolution(layer, this, build)));

    /// <inheritdoc/>
    protected internal override Tensor? Penalty(AdapterSet adapter)
    {
        var factors = TransformRank == 0 ? [] : adapter.Adapters.Select(FactorsOf).OfType<TLoraFactors>().ToList();
        Tensor? sum = null;
        foreach (var part in factors)
        {
            Add(IdentityWeight, part.IdentityPenalty);
            Add(OrthogonalWeight, part.OrthogonalPenalty);
        }

        return sum;

        void Add(double weight, Func<Tensor> penalty)
        {
            if (weight > 0)
            {
                sum = sum is null ? penalty().mul(weight) : sum + penalty().mul(weight);
            }
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts)
        => from part in parts
           let factors = FactorsOf(part)
           where factors is not null
           from shape in (TransformRank > 0 && InShape is null ? new[] { factors.InShape } : []).Append(OutShape is null ? factors.OutShape : [])
           where shape.Length > 2 && shape[^2] == 1 && shape[^1] > 1
           select $"'{part.Path}' has a side of {shape[^1]}, which is a prime number: its core is the whole matrix of that size, which saves nothing.";

    /// <summary>The factors of a side of a layer.</summary>
    /// <exception cref="PeftException">Those of the settings do not multiply to it.</exception>
    internal long[] ShapeOf(string path, string name, IReadOnlyList<long>? given, long size)
        => given is null ? TLoraShape.Of(size, 3)
            : given.Aggregate(1L, (product, factor) => product * factor) == size ? [.. given]
            : throw new PeftException($"{name} is ({string.Join(", ", given)}) and '{path}' has a side of {size}; the factors must multiply to it. Leave {name} out where layers differ.");

    private static TLoraFactors? FactorsOf(Adapter part) => part switch
    {
        TLora linear => linear.Factors,
        TLoraConvolution convolution => convolution.Factors,
        _ => null,
    };
}
