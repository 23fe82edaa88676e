using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How PSOFT shares the singular values between its two frozen factors.</summary>
[JsonConverter(typeof(PsoftFactorsConverter))]
public enum PsoftFactors
{
    /// <summary>All on the side of the outputs, so that the rows of the inner factor are orthonormal.</summary>
    Orthogonal,

    /// <summary>Their roots on both sides, as PiSSA has them.</summary>
    Symmetric,
}

/// <summary>How PSOFT finds the singular vectors.</summary>
[JsonConverter(typeof(PsoftDecompositionConverter))]
public enum PsoftDecomposition
{
    /// <summary>Exactly.</summary>
    Full,

    /// <summary>By a random projection and power iterations: much faster on large layers.</summary>
    LowRank,
}

/// <summary>Settings of <see cref="Psoft"/>.</summary>
[AdapterMethod(
    "PSOFT", AdapterFamily.Multiplicative, Title = "PSOFT", Paper = "arXiv:2505.11235", Formula = "W + U_r·S_r·(R − I)·V_rᵀ, R = diag(b)·Cayley(Q)·diag(a)",
    Trained = "r·(r − 1)/2 + 2·r", InHuggingFace = true, Merges = true)]
public sealed record PsoftOptions : LinearAdapterOptions
{
    /// <summary>Rank r of the turned subspace: 1 to the smaller side of the layer. Default 32.</summary>
    [JsonPropertyName("r"), SearchRange(8, 128, Logarithmic = true)]
    public int Rank { get; init; } = 32;

    /// <summary>Numerator α of the scale α/r, above 0. The frozen factors are divided by the scale, so with <see cref="PsoftFactors.Orthogonal"/> it has no effect. Default 32.</summary>
    [JsonPropertyName("psoft_alpha")]
    public double Alpha { get; init; } = 32;

    /// <summary>Share of the input that the update drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("psoft_dropout")]
    public double Dropout { get; init; }

    /// <summary>Where the singular values go. Default: to the outputs' side.</summary>
    [JsonPropertyName("ab_svd_init")]
    public PsoftFactors Factors { get; init; }

    /// <summary>How the singular vectors are found. Default: exactly.</summary>
    [JsonPropertyName("psoft_svd")]
    public PsoftDecomposition Decomposition { get; init; }

    /// <summary>Power iterations of <see cref="PsoftDecomposition.LowRank"/>: 0 or more. Default 10.</summary>
    [JsonPropertyName("psoft_svd_lowrank_niter")]
    public int Iterations { get; init; } = 10;

    /// <summary>Seed of <see cref="PsoftDecomposition.LowRank"/>. Default 0.</summary>
    [JsonPropertyName("random_seed")]
    public long Seed { get; init; }

    /// <summary>Keep the inner matrix orthogonal; false trains all of its r² numbers. Default true.</summary>
    [JsonPropertyName("psoft_orth")]
    public bool IsOrthogonal { get; init; } = true;

    /// <summary>Train a factor b for each row of R. Default true.</summary>
    [JsonPropertyName("psoft_mag_b")]
    public bool ScalesRows { get; init; } = true;

    /// <summary>Train a factor a for each column of R. Default true.</summary>
    [JsonPropertyName("psoft_mag_a")]
    public bool ScalesColumns { get; init; } = true;

    /// <summary>Use the series instead of the exact rotation: faster, orthogonal for small Q only. Default false.</summary>
    [JsonPropertyName("use_cayley_neumann")]
    public bool UsesSeries { get; init; }

    /// <summary>Terms of the series: 1 to 64. Default 5.</summary>
    [JsonPropertyName("num_cayley_neumann_terms")]
    public int NeumannTerms { get; init; } = 5;

    /// <summary>Largest Frobenius norm of Q in the series, between 0 and 1. Default null: no limit.</summary>
    [JsonPropertyName("cayley_neumann_eps")]
    public double? NormLimit { get; init; }

    /// <summary>Start as the identity; false draws with deviation 0.1, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.AtLeast(Iterations, 0);
        Guard.InRange(NeumannTerms, 1, 64);
        if (NormLimit is { } limit && !(limit > 0 && limit < 1))
        {
            throw new ArgumentException($"NormLimit is {limit}; it must be between 0 and 1, or null for no limit.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Psoft(layer, this, build);
}

internal sealed class PsoftFactorsConverter() : NamedStartConverter<PsoftFactors>((PsoftFactors.Orthogonal, "psoft_init"), (PsoftFactors.Symmetric, "pissa_init"));

internal sealed class PsoftDecompositionConverter()
    : NamedStartConverter<PsoftDecomposition>((PsoftDecomposition.Full, "full"), (PsoftDecomposition.LowRank, "lowrank"));
