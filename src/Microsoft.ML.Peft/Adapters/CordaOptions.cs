using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which directions CorDA takes.</summary>
public enum CordaMethod
{
    /// <summary>Instruction-previewed: the r largest, which serve the task of the rows.</summary>
    [JsonStringEnumMemberName("ipm")]
    InstructionPreviewed,

    /// <summary>Knowledge-preserved: the r smallest, so that what the rows show is left as it is.</summary>
    [JsonStringEnumMemberName("kpm")]
    KnowledgePreserved,
}

/// <summary>Settings of <see cref="LoraStart.Corda"/>: HF PEFT's <c>corda_config</c>.</summary>
/// <remarks>
/// <para>C is the mean over the rows of <c>XᵀX</c>, each row's inputs X (tokens, in) divided by their largest number; <c>C̃ = C + λ·mean(diag C)·I</c> with λ = 0.01, doubled
/// until the inverse is accurate. <c>W·C̃ = U·S·Vᵀ</c>; <c>A = √(S/s)·Vᵀ·C̃⁻¹, B = U·√(S/s)</c> of r directions, which are taken out of the base, so that the model starts as
/// it was.</para>
/// <para>The files hold plain LoRA of rank 2r, which stands on the base model as it is.</para>
/// <para>Source: Yang et al. 2024, arXiv:2406.05223, §3.</para>
/// </remarks>
public sealed record CordaOptions
{
    /// <summary>Which directions. Default: the largest.</summary>
    [JsonPropertyName("corda_method"), JsonConverter(typeof(JsonStringEnumConverter<CordaMethod>))]
    public CordaMethod Method { get; init; }

    /// <summary>A safetensors file of the decompositions, <c>path.eigens.S_WC</c>, <c>U_WC</c> and <c>V_WC</c>: read where it is there, else written. HF PEFT's own, which are
    /// pickled, are not read. Default none.</summary>
    [JsonPropertyName("cache_file")]
    public string? CacheFile { get; init; }

    /// <summary>A safetensors file of the covariances C by layer path, to start other ranks from the same rows: read where it is there, else written. Default none.</summary>
    [JsonPropertyName("covariance_file")]
    public string? CovarianceFile { get; init; }

    /// <summary>Multiply in the base model's type instead of Float32. Default false.</summary>
    [JsonPropertyName("use_float16_for_covariance")]
    public bool UseBaseTypeForCovariance { get; init; }

    /// <summary>HF PEFT's switch for its progress bar; nothing here. Default false.</summary>
    [JsonPropertyName("verbose")]
    public bool Verbose { get; init; }

    /// <summary>HF PEFT's switch for freeing what was measured; here it is always freed. Default true.</summary>
    [JsonPropertyName("prune_temporary_fields")]
    public bool PruneTemporaryFields { get; init; } = true;

    internal void Validate()
    {
        if (!Enum.IsDefined(Method))
        {
            throw new ArgumentOutOfRangeException(nameof(Method), $"Corda.Method is {Method}; it must be {string.Join(" or ", Enum.GetNames<CordaMethod>())}.");
        }
    }
}
