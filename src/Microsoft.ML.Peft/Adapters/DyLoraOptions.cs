using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>How <see cref="DyLora"/> draws ranks.</summary>
[JsonConverter(typeof(NameConverter<DyLoraRanks>))]
public enum DyLoraRanks
{
    /// <summary>Each rank alike.</summary>
    Uniform,

    /// <summary>Small ranks more often: p·(1 − p)ᵏ for the k-th rank that can be drawn, over the sum of these.</summary>
    Geometric,
}

/// <summary>Settings of <see cref="DyLora"/>.</summary>
[AdapterMethod(
    "DYLORA", AdapterFamily.LowRank, Title = "DyLoRA", Paper = "arXiv:2210.07558", Formula = "W + (α/b)·B[:, :b]·A[:b]", Trained = "r·(in + out)", Merges = true)]
public sealed record DyLoraOptions : LinearAdapterOptions
{
    /// <summary>Largest rank r: 1 or more. Default 8.</summary>
    [JsonPropertyName("r"), SearchChoices(4, 8, 16, 32)]
    public int Rank { get; init; } = 8;

    /// <summary>Smallest rank that is drawn: 1 to r. Default 1.</summary>
    [JsonPropertyName("r_min")]
    public int SmallestRank { get; init; } = 1;

    /// <summary>Numerator α of the scale α/b, above 0. Default 16.</summary>
    [JsonPropertyName("lora_alpha"), SearchRange(4, 64, Logarithmic = true)]
    public double Alpha { get; init; } = 16;

    /// <summary>Share of the input that the low-rank path drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>True to train the last block of the drawn rank alone. Default true.</summary>
    [JsonPropertyName("frozen"), SearchChoices(true, false)]
    public bool TrainsLastOnly { get; init; } = true;

    /// <summary>Ranks are multiples of this: a divisor of r. Default 1.</summary>
    [JsonPropertyName("block_size")]
    public int BlockSize { get; init; } = 1;

    /// <summary>True to let a step move the last block of the drawn rank alone, which needs <see cref="TrainsLastOnly"/>. Default false.</summary>
    [JsonPropertyName("strict_last_row_update")]
    public bool MasksStep { get; init; }

    /// <summary>The law of the drawn ranks. Default: all alike.</summary>
    [JsonPropertyName("rank_distribution")]
    public DyLoraRanks Ranks { get; init; }

    /// <summary>p of the law <see cref="DyLoraRanks.Geometric"/>, above 0 and below 1: each rank is 1 − p times as likely as the one before. Default 0.15.</summary>
    [JsonPropertyName("rank_probability")]
    public double RankProbability { get; init; } = 0.15;

    /// <summary>Seed of the drawn ranks. Default 0.</summary>
    [JsonPropertyName("rank_seed")]
    public long RankSeed { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
        Guard.InRange(SmallestRank, 1, Rank);
        Guard.Positive(Alpha);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.InRange(BlockSize, 1, Rank);
        Guard.InRange(RankProbability, 1e-6, 1 - 1e-6);
        if (MasksStep && !TrainsLastOnly)
        {
            throw new ArgumentException("MasksStep is set and TrainsLastOnly is not; with all ranks trained there is nothing to mask, so set both or none.");
        }

        if (Rank % BlockSize != 0)
        {
            throw new ArgumentException($"BlockSize is {BlockSize}; it must divide Rank, which is {Rank}.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new DyLora(layer, this, build);

    /// <inheritdoc/>
    protected internal override AdapterTraining CreateTraining(AdapterSet adapter) => new DyLoraTraining(adapter, this);
}
