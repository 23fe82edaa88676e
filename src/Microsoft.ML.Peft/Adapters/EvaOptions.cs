using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="LoraStart.Eva"/>: HF PEFT's <c>eva_config</c>.</summary>
/// <remarks>
/// <para>The inputs of each layer are decomposed, batch by batch, into up to <c>ρ·r</c> principal components; a layer is done once each component that it owns
/// has stayed as it was (cosine ≥ τ). Of all components of all layers the Σ r that explain the largest shares of their layer's variance are kept: as many as a layer has of
/// them is its rank, and where it has none it loses its adapter. A starts as the components, B as 0: the identity.</para>
/// <para>The file has the ranks in <c>rank_pattern</c> and <c>alpha_pattern</c>. Layers that are no linear layers start as usual and keep their rank.</para>
/// <para>Source: Paischer et al. 2024, arXiv:2410.07170, §3 and algorithm 1; components of rows whose mean is taken away, as in HF PEFT.</para>
/// </remarks>
public sealed record EvaOptions
{
    /// <summary>ρ: a layer may have up to ρ·r ranks, and never more than it has inputs: 1 or more. Default 2; 1 leaves the ranks as they are.</summary>
    [JsonPropertyName("rho")]
    public double Rho { get; init; } = 2;

    /// <summary>τ: cosine from which on a component counts as settled: 0 to 1. Default 0.99.</summary>
    [JsonPropertyName("tau")]
    public double Tau { get; init; } = 0.99;

    /// <summary>Leave out tokens whose label is <see cref="LabelMaskValue"/>, where there is a label for each token. Default true.</summary>
    [JsonPropertyName("use_label_mask")]
    public bool UseLabelMask { get; init; } = true;

    /// <summary>The label of a token that does not count. Default −100.</summary>
    [JsonPropertyName("label_mask_value")]
    public long LabelMaskValue { get; init; } = -100;

    /// <summary>Divide each component by the root of its singular value. Default false.</summary>
    [JsonPropertyName("whiten")]
    public bool Whiten { get; init; }

    /// <summary>Change α with the rank, so that α/r stays. Default true.</summary>
    [JsonPropertyName("adjust_scaling_factors")]
    public bool AdjustScalingFactors { get; init; } = true;

    internal void Validate()
    {
        Guard.AtLeast(Rho, 1, "Eva.Rho");
        Guard.InRange(Tau, 0.0, 1.0, "Eva.Tau");
    }
}
