using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which of the 2r largest singular directions of the gradient LoRA-GA gives to A and to B.</summary>
public enum LoraGaDirection
{
    /// <summary>A: the first r; B: the next r.</summary>
    ArB2r,

    /// <summary>A: the second r; B: the first r.</summary>
    A2rBr,

    /// <summary>A: the second, fourth, …; B: the first, third, ….</summary>
    ArBr,

    /// <summary>A and B: the same r, drawn.</summary>
    [JsonStringEnumMemberName("random")]
    Random,
}

/// <summary>How LoRA-GA scales its start.</summary>
public enum LoraGaScale
{
    /// <summary><c>B·out^¼/√γ</c>.</summary>
    [JsonStringEnumMemberName("stable")]
    Stable,

    /// <summary>B times the largest singular value of the weight over that of B's first direction.</summary>
    [JsonStringEnumMemberName("weight_svd")]
    WeightSvd,

    /// <summary><c>A/s</c> and <c>B/s</c>.</summary>
    [JsonStringEnumMemberName("gd_scale")]
    GradientDescent,

    /// <summary>As they are.</summary>
    [JsonStringEnumMemberName("unit")]
    Unit,
}

/// <summary>Settings of <see cref="LoraStart.LoraGa"/>: HF PEFT's <c>lora_ga_config</c>.</summary>
/// <remarks>
/// <para>G is the mean gradient of the weight over the batches, <c>G ≈ U·S·Vᵀ</c> by a randomised decomposition of 2r directions; A are rows of Vᵀ, B columns of U·S.
/// <c>s·B·A</c> is taken out of the base, so that the model starts as it was and its first steps follow the gradient.</para>
/// <para>The files hold plain LoRA of rank 2r, which stands on the base model as it is.</para>
/// <para>Source: Wang, Yu and Li 2024, arXiv:2407.05000, §3; scales and directions as in HF PEFT.</para>
/// </remarks>
public sealed record LoraGaOptions
{
    /// <summary>Which directions. Default <see cref="LoraGaDirection.ArB2r"/>.</summary>
    [JsonPropertyName("direction"), JsonConverter(typeof(JsonStringEnumConverter<LoraGaDirection>))]
    public LoraGaDirection Direction { get; init; }

    /// <summary>How it is scaled. Default <see cref="LoraGaScale.Stable"/>.</summary>
    [JsonPropertyName("scale"), JsonConverter(typeof(JsonStringEnumConverter<LoraGaScale>))]
    public LoraGaScale Scale { get; init; }

    /// <summary>γ of the stable scale, above 0. Default 16.</summary>
    [JsonPropertyName("stable_gamma")]
    public double StableGamma { get; init; } = 16;

    internal void Validate()
    {
        if (!Enum.IsDefined(Direction) || !Enum.IsDefined(Scale))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Direction),
                $"LoraGa is {Direction}, {Scale}; it must be one of {string.Join(", ", Enum.GetNames<LoraGaDirection>())} and one of {string.Join(", ", Enum.GetNames<LoraGaScale>())}.");
        }

        Guard.Positive(StableGamma, "LoraGa.StableGamma");
    }
}
