namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How the optimizer treats a parameter; parameters of equal groups are stepped together.</summary>
/// <param name="Name">Tells groups apart that are equal in everything else: a group none of whose parameters has a gradient is left alone
/// in that step, as PyTorch leaves such a parameter alone, and counts its own steps.</param>
/// <param name="LearningRateFactor">Factor of the learning rate. Default 1.</param>
/// <param name="Decays">False to leave the weight decay out.</param>
public readonly record struct OptimizerGroup(string Name = "", double LearningRateFactor = 1, bool Decays = true)
{
    /// <summary>Highest learning rate of the group, in place of the run's, whose schedule it follows. Default null: the run's.</summary>
    public double? LearningRate { get; init; }

    /// <summary>True to leave the gradients out of the norm that is limited, and as long as they are. Default false.</summary>
    public bool Unclipped { get; init; }

    /// <summary>Weight decay in place of the run's. Default null: that of the run.</summary>
    public double? WeightDecay { get; init; }
}
