using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="Oft"/>.</summary>
[AdapterMethod(
    "OFT", AdapterFamily.Multiplicative, Title = "OFT", Paper = "arXiv:2306.07280", Formula = "W·blockdiag(R)ᵀ, R orthogonal", Trained = "in·(b − 1)/2",
    InHuggingFace = true, Merges = true)]
public sealed record OftOptions : BiasedLinearOptions
{
    /// <summary>Count of blocks, or 0 where <see cref="BlockSize"/> decides. Default 0.</summary>
    [JsonPropertyName("r")]
    public int BlockCount { get; init; }

    /// <summary>Size of a block, or 0 where <see cref="BlockCount"/> decides; the divisor of the inputs that is nearest is taken. Default 32.</summary>
    [JsonPropertyName("oft_block_size")]
    [JsonRequired]
    public int BlockSize { get; init; } = 32;

    /// <summary>Share of the blocks that are not turned in a training pass: 0 to 0.99. Default 0. HF PEFT has the setting and does not act on it.</summary>
    [JsonPropertyName("module_dropout")]
    public double BlockDropout { get; init; }

    /// <summary>Keep Q small: the norm of each block at most <see cref="Radius"/>/√blocks. Default false.</summary>
    [JsonPropertyName("coft")]
    public bool Constrained { get; init; }

    /// <summary>Radius of the constrained variant, above 0. Default 6·10⁻⁵.</summary>
    [JsonPropertyName("eps")]
    public double Radius { get; init; } = 6e-5;

    /// <summary>One rotation for all blocks of a layer. Default false.</summary>
    [JsonPropertyName("block_share")]
    public bool BlockShare { get; init; }

    /// <summary>Use the series instead of the exact rotation: faster, orthogonal for small Q only. Default true.</summary>
    [JsonPropertyName("use_cayley_neumann")]
    public bool UsesSeries { get; init; } = true;

    /// <summary>Terms of the series: 1 to 64. Default 5.</summary>
    [JsonPropertyName("num_cayley_neumann_terms")]
    public int NeumannTerms { get; init; } = 5;

    /// <summary>Start as the identity; false draws Q with deviation 0.1, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <summary>On convolutions: true turns the inputs of each filter, which starts as the identity and can be merged; false turns every patch of the picture and
    /// adds up where they lie over each other, as HF PEFT does (<see cref="OftPatches"/>). Default null: true for a new adapter, false for one of a file.</summary>
    [JsonPropertyName("exact_convolution")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? ExactConvolution { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(BlockCount, 0);
        Guard.AtLeast(BlockSize, 0);
        if ((BlockCount == 0) == (BlockSize == 0))
        {
            throw new ArgumentException($"BlockCount is {BlockCount} and BlockSize is {BlockSize}; set one of them and the other to 0.");
        }

        Guard.InRange(BlockDropout, 0.0, 0.99);
        Guard.Positive(Radius);
        Guard.InRange(NeumannTerms, 1, 64);
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or EmbeddingLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Oft(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build) => layer switch
    {
        EmbeddingLayer table => new OftEmbedding(table, this, build),
        PatchLayer patches when !(ExactConvolution ?? !IsStored) => new OftPatches(patches, this, build),
        _ => new FilterAdapter(layer, filters => new Oft(filters, this, build)),
    };

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter)
        => ExactConvolution is null && adapter.Adapters.OfType<FilterAdapter>().Any() ? this with { ExactConvolution = true } : this;

    /// <inheritdoc/>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter)
        => Constrained ? new Constraint([.. adapter.Adapters.Select(FilterAdapter.Unwrapped).OfType<IOftPart>()]) : null;

    private sealed class Constraint(IReadOnlyList<IOftPart> parts) : AdapterTraining
    {
        public override void AfterStep(TrainingPoint point)
        {
            foreach (var part in parts)
            {
                part.Rotation.Constrain();
            }
        }
    }
}
