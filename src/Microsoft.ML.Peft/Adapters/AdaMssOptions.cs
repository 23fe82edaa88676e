using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How AdaMSS starts.</summary>
[JsonConverter(typeof(NameConverter<AdaMssStart>))]
public enum AdaMssStart
{
    /// <summary>Orthonormal directions, and nothing done with them: the identity.</summary>
    Orthogonal,
}

/// <summary>Settings of <see cref="AdaMss"/>.</summary>
[AdapterMethod(
    "ADAMSS", AdapterFamily.LowRank, Title = "AdaMSS", Paper = "AdaMSS, NeurIPS 2025", Formula = "W_g + B_g·A_g·P", Trained = "Σ r_g·(r + size of g)",
    InHuggingFace = true, Merges = true)]
public sealed record AdaMssOptions : LinearAdapterOptions
{
    /// <summary>Dimension r of the shared subspace: 1 or more; more than the layer has counts as all of it. Default 100.</summary>
    [JsonPropertyName("r")]
    public int Rank { get; init; } = 100;

    /// <summary>Count of groups of outputs: 1 or more. Default 5.</summary>
    [JsonPropertyName("num_subspaces")]
    public int Subspaces { get; init; } = 5;

    /// <summary>Most rank r_g of a group: 1 or more. Default 1.</summary>
    [JsonPropertyName("subspace_rank")]
    public int SubspaceRank { get; init; } = 1;

    /// <summary>How it starts: <c>orthogonal</c>, the identity, or null for small normal numbers, for tests. Default <c>orthogonal</c>.</summary>
    [JsonPropertyName("init_weights")]
    public AdaMssStart? Start { get; init; } = AdaMssStart.Orthogonal;

    /// <summary>Give a group less rank where its directions fade. Default false.</summary>
    [JsonPropertyName("use_dynamic_rank")]
    public bool DynamicRank { get; init; }

    /// <summary>A direction counts while its squared singular value is above this share of the first one: 0 to 1. Default 0.1.</summary>
    [JsonPropertyName("svd_threshold")]
    public double Threshold { get; init; } = 0.1;

    /// <summary>Seed of the decomposition. Default 0.</summary>
    [JsonPropertyName("random_seed")]
    public long Seed { get; init; }

    /// <summary>Stop training the least important groups in the course of a run. Default false.</summary>
    [JsonPropertyName("use_asa")]
    public bool Allocates { get; init; }

    /// <summary>Groups of the whole model that are still trained at the end: 1 or more. Default 50.</summary>
    [JsonPropertyName("asa_target_subspaces")]
    public int TargetSubspaces { get; init; } = 50;

    /// <summary>Step, from 0, at which groups begin to be left out. Default 50.</summary>
    [JsonPropertyName("init_warmup")]
    public long FirstStep { get; init; } = 50;

    /// <summary>Step after which no more are, above <see cref="FirstStep"/>. Default 1000.</summary>
    [JsonPropertyName("final_warmup")]
    public long LastStep { get; init; } = 1000;

    /// <summary>Groups are left out at each multiple of this count of steps: 1 or more. Default 100.</summary>
    [JsonPropertyName("mask_interval")]
    public long Interval { get; init; } = 100;

    /// <summary>How long a gradient is remembered in the importance of a group: 0 to 1. Default 0.85.</summary>
    [JsonPropertyName("asa_importance_beta")]
    public double ImportanceMemory { get; init; } = 0.85;

    /// <summary>The same for the uncertainty of the importance. Default 0.85.</summary>
    [JsonPropertyName("asa_uncertainty_beta")]
    public double UncertaintyMemory { get; init; } = 0.85;

    /// <summary>Exponent of the schedule, finite and above 0. Default 3.</summary>
    [JsonPropertyName("asa_schedule_exponent")]
    public double Exponent { get; init; } = 3;

    internal bool IdentityStart => Start == AdaMssStart.Orthogonal;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.AtLeast(Subspaces, 1);
        Guard.AtLeast(SubspaceRank, 1);
        Guard.InRange(Threshold, 0.0, 1.0);
        Guard.AtLeast(TargetSubspaces, 1);
        Guard.AtLeast(FirstStep, 0);
        Guard.AtLeast(LastStep, FirstStep + 1);
        Guard.AtLeast(Interval, 1);
        Guard.InRange(ImportanceMemory, 0.0, 1.0);
        Guard.InRange(UncertaintyMemory, 0.0, 1.0);
        Guard.Positive(Exponent);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new AdaMss(layer, this, build);

    /// <inheritdoc/>
    protected internal override AdapterTraining? CreateTraining(AdapterSet adapter) => Allocates ? new AdaMssAllocation(this, adapter) : null;

    internal long RankOf(Tensor values, long rows)
    {
        var most = Math.Min(Math.Min(rows, SubspaceRank), values.size(0));
        return DynamicRank ? Math.Clamp(values.square().gt(values[0].square().mul(Threshold)).sum().item<long>(), 1, most) : most;
    }
}
