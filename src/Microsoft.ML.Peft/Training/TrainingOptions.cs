namespace Microsoft.ML.Peft.Training;

/// <summary>How the learning rate goes after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Falls in a straight line, to <see cref="TrainingOptions.LastLearningRate"/> after the last step.</summary>
    Linear,

    /// <summary>Falls along half a cosine wave, to <see cref="TrainingOptions.LastLearningRate"/> after the last step.</summary>
    Cosine,

    /// <summary>Stays.</summary>
    Constant,
}

/// <summary>Settings of a training run.</summary>
public sealed record TrainingOptions
{
    /// <summary>The schedule with which HEAT, Pear and Lily were trained on VTAB-1K: 100 epochs of batches of 64, learning rate 1e-6 → 1e-3 over 10 epochs and down a cosine wave to 1e-5,
    /// weight decay 1e-4, blocks left out with up to 0.1, gradients of any length.</summary>
    /// <remarks>Source: the code of Jie and Deng's PETL-ViT, on which those papers build.</remarks>
    public static TrainingOptions Vtab { get; } = new()
    {
        Epochs = 100,
        BatchSize = 64,
        LearningRate = 1e-3,
        WeightDecay = 1e-4,
        WarmupRatio = 0.1,
        FirstLearningRate = 1e-6,
        LastLearningRate = 1e-5,
        Schedule = LearningRateSchedule.Cosine,
        DropPath = 0.1,
        MaxGradientNorm = 0,
    };

    /// <summary>Passes over the data: 1 to 10,000. Default 3.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Rows a step: 1 to 65,536. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Highest learning rate of AdamW, above 0. Default 1e-3.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decoupled weight decay of AdamW: 0 to 10. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Share of the steps over which the learning rate climbs from <see cref="FirstLearningRate"/>: 0 to 1. Default 0.</summary>
    public double WarmupRatio { get; init; }

    /// <summary>Learning rate from which the warm-up climbs: 0 to <see cref="LearningRate"/>. Default 0.</summary>
    public double FirstLearningRate { get; init; }

    /// <summary>Learning rate to which the schedule falls: 0 to <see cref="LearningRate"/>. Default 0.</summary>
    public double LastLearningRate { get; init; }

    /// <summary>Stochastic depth: probability with which what the last block's attention, and its feed-forward part, add is left out for a row, growing in a straight line from 0 in the first
    /// block: 0 to 0.99. Comes on top of <c>drop_path_rate</c>, which Swin and DINOv2 have in config.json. Default 0.</summary>
    public double DropPath { get; init; }

    /// <summary>How the learning rate goes after the warm-up. Default: linear to 0.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>Longest gradient (2-norm over all parameters); longer ones are shortened. 0 to leave them. Default 1.</summary>
    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside its range.</exception>
    public void Validate()
    {
        Guard.InRange(Epochs, 1, 10_000);
        Guard.InRange(BatchSize, 1, 65_536);
        Guard.Positive(LearningRate);
        Guard.InRange(WeightDecay, 0.0, 10.0);
        Guard.InRange(WarmupRatio, 0.0, 1.0);
        Guard.InRange(FirstLearningRate, 0.0, LearningRate);
        Guard.InRange(LastLearningRate, 0.0, LearningRate);
        Guard.InRange(DropPath, 0.0, 0.99);
        Guard.AtLeast(MaxGradientNorm, 0.0);
        if (!Enum.IsDefined(Schedule))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Schedule), $"Schedule is {Schedule}; it must be {string.Join(", ", Enum.GetNames<LearningRateSchedule>())}.");
        }
    }

    /// <summary>The learning rate of a step, counted from 0.</summary>
    public double LearningRateAt(long step, long steps)
    {
        var warmup = (long)Math.Ceiling(WarmupRatio * steps);
        if (step < warmup)
        {
            return FirstLearningRate + ((LearningRate - FirstLearningRate) * (step + 1) / warmup);
        }

        var progress = (double)(step - warmup) / Math.Max(1, steps - warmup);
        var above = LearningRate - LastLearningRate;
        return Schedule switch
        {
            LearningRateSchedule.Linear => LastLearningRate + (above * (1 - progress)),
            LearningRateSchedule.Cosine => LastLearningRate + (above * 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => LearningRate,
        };
    }
}
