namespace Microsoft.ML.Peft.Training;

/// <summary>How the learning rate goes after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Falls in a straight line to 0 at the last step.</summary>
    Linear,

    /// <summary>Falls along half a cosine wave to 0 at the last step.</summary>
    Cosine,

    /// <summary>Stays.</summary>
    Constant,
}

/// <summary>Settings of a training run.</summary>
public sealed record TrainingOptions
{
    /// <summary>Passes over the data: 1 to 10,000. Default 3.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Rows a step: 1 to 65,536. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Highest learning rate of AdamW, above 0. Default 1e-3.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decoupled weight decay of AdamW: 0 to 10. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Share of the steps over which the learning rate climbs from 0: 0 to 1. Default 0.</summary>
    public double WarmupRatio { get; init; }

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
            return LearningRate * (step + 1) / warmup;
        }

        var progress = (double)(step - warmup) / Math.Max(1, steps - warmup);
        return Schedule switch
        {
            LearningRateSchedule.Linear => LearningRate * (1 - progress),
            LearningRateSchedule.Cosine => LearningRate * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => LearningRate,
        };
    }
}
