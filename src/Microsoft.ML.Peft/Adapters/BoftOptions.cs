using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="Boft"/>.</summary>
[AdapterMethod(
    "BOFT", AdapterFamily.Multiplicative, Title = "BOFT", Paper = "arXiv:2311.06243", Formula = "diag(s)·W·Rᵀ, R a butterfly of m rotations", Trained = "m·in·b + out",
    InHuggingFace = true, Merges = true)]
public sealed record BoftOptions : BiasedLinearOptions
{
    /// <summary>Size b of a block, or 0 where <see cref="BlockCount"/> decides. Default 4.</summary>
    [JsonPropertyName("boft_block_size")]
    public int BlockSize { get; init; } = 4;

    /// <summary>Count of blocks, or 0 where <see cref="BlockSize"/> decides. Default 0.</summary>
    [JsonPropertyName("boft_block_num")]
    public int BlockCount { get; init; }

    /// <summary>Count m of factors: 1 or more. Default 1.</summary>
    [JsonPropertyName("boft_n_butterfly_factor")]
    public int Factors { get; init; } = 1;

    /// <summary>Share of the blocks of one factor that are not turned in a training pass: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("boft_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start as the identity; false draws with deviation 0.1, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(BlockSize, 0);
        Guard.AtLeast(BlockCount, 0);
        if ((BlockCount == 0) == (BlockSize == 0))
        {
            throw new ArgumentException($"BlockCount is {BlockCount} and BlockSize is {BlockSize}; set one of them and the other to 0.");
        }

        Guard.AtLeast(Factors, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer is LinearLayer or PatchLayer;

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Boft(layer, this, build);

    /// <inheritdoc/>
    protected internal override LayerAdapter CreateOn(Layer layer, AdapterBuild build)
        => new FilterAdapter(layer, filters => new Boft(filters, this, build, ofConvolution: true));
}
