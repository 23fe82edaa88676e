namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How <see cref="AdapterCombination"/> makes one LoRA adapter of several; HF PEFT's <c>combination_type</c>.</summary>
public enum CombinationKind
{
    /// <summary>Sums of the factors, each times √|w·s|: equal ranks. Not the sum of the products: the factors of different adapters mix.</summary>
    Linear,

    /// <summary>Factors beside each other: the exact sum, of the sum of the ranks.</summary>
    Cat,

    /// <summary>The best approximation of the weighted sum of the updates.</summary>
    Svd,

    /// <summary>TIES of the factors: small numbers are cut, and where signs disagree the majority stays. Yadav et al. 2023, arXiv:2306.01708.</summary>
    Ties,

    /// <summary>TIES of the updates, then the best approximation.</summary>
    TiesSvd,

    /// <summary>DARE of the factors: numbers are dropped at random and the others scaled up, then summed. Yu et al. 2023, arXiv:2311.03099.</summary>
    DareLinear,

    /// <summary>DARE of the updates, then the best approximation.</summary>
    DareLinearSvd,

    /// <summary>DARE, then the sign vote of TIES, of the factors.</summary>
    DareTies,

    /// <summary>DARE, then the sign vote of TIES, of the updates, then the best approximation.</summary>
    DareTiesSvd,

    /// <summary>Small numbers of the factors are cut, then summed.</summary>
    MagnitudePrune,

    /// <summary>Small numbers of the updates are cut, then summed, then the best approximation.</summary>
    MagnitudePruneSvd,
}

/// <summary>Settings of <see cref="AdapterCombination"/>.</summary>
public sealed record CombinationOptions
{
    /// <summary>How. Default <see cref="CombinationKind.Svd"/>, as in HF PEFT.</summary>
    public CombinationKind Kind { get; init; } = CombinationKind.Svd;

    /// <summary>Rank of the result of the Svd kinds. Default null: the largest rank of the adapters.</summary>
    public int? SvdRank { get; init; }

    /// <summary>Quantile to which the factors of the Svd kinds are clamped, 0 to 1. Default null: none.</summary>
    public double? SvdClamp { get; init; }

    /// <summary>True to weigh an update by w·s although it is scaled by s already, as the Svd kinds of HF PEFT up to 0.20 do; false for w alone. Default false.</summary>
    public bool ScaleTwice { get; init; }

    /// <summary>Share of numbers that the pruning kinds keep, above 0 to 1; they need it.</summary>
    public double? Density { get; init; }

    /// <summary>True to count signs instead of summing numbers in the vote of TIES. Default false.</summary>
    public bool VoteByFrequency { get; init; }

    /// <summary>Seed of what DARE drops. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>True if the kind prunes.</summary>
    internal bool Prunes => Kind is not (CombinationKind.Linear or CombinationKind.Cat or CombinationKind.Svd);

    /// <summary>True if the kind works on whole updates.</summary>
    internal bool OfUpdates => Kind is CombinationKind.Svd or CombinationKind.TiesSvd or CombinationKind.DareLinearSvd or CombinationKind.DareTiesSvd or CombinationKind.MagnitudePruneSvd;

    internal void Validate()
    {
        if (Prunes)
        {
            Guard.InRange(Density ?? throw new ArgumentException($"Kind is {Kind}, which prunes; set Density, the share of numbers to keep."), double.Epsilon, 1, nameof(Density));
        }

        if (SvdRank is { } rank)
        {
            Guard.AtLeast(rank, 1, nameof(SvdRank));
        }

        if (SvdClamp is { } clamp)
        {
            Guard.InRange(clamp, 0, 1, nameof(SvdClamp));
        }
    }
}
