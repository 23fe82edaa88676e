namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Settings of <see cref="FewShotTraining"/>; the defaults are those of CLIP-SVD.</summary>
public sealed record FewShotOptions
{
    /// <summary>Steps for each picture that the largest class has: 1 or more. Default 200.</summary>
    public int StepsPerShot { get; init; } = 200;

    /// <summary>Most pictures a class that count for the steps: 1 or more. Default: no limit; 2 for BiomedCLIP.</summary>
    public int MostCountedShots { get; init; } = int.MaxValue;

    /// <summary>Pictures a step: 1 or more. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Learning rate of AdamW at the start, above 0. Default 5e-4.</summary>
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>Learning rate at the end, to which it falls along half a cosine wave: 0 to <see cref="LearningRate"/>. Default 1e-6.</summary>
    public double LastLearningRate { get; init; } = 1e-6;

    /// <summary>Decoupled weight decay of AdamW: 0 to 10. Default 0.01; 0 for BiomedCLIP.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Longest gradient; 0 to leave them. Default 0.</summary>
    public double MaxGradientNorm { get; init; }

    /// <summary>Seed of the order of the pictures, their changes and of what the adapter draws. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The learning rate of a step: <c>last + ½·(first − last)·(1 + cos(π·step/steps))</c>.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">Steps of the run: the wave is as long as the run, whatever the epochs.</param>
    public double LearningRateAt(long step, long steps)
        => LastLearningRate + (0.5 * (LearningRate - LastLearningRate) * (1 + Math.Cos(Math.PI * step / steps)));

    /// <summary>Steps of a run.</summary>
    /// <param name="shots">Pictures of the largest class.</param>
    public long StepsOf(int shots) => (long)StepsPerShot * Math.Min(shots, MostCountedShots);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside its range.</exception>
    public void Validate()
    {
        Guard.AtLeast(StepsPerShot, 1);
        Guard.AtLeast(MostCountedShots, 1);
        Guard.AtLeast(BatchSize, 1);
        Guard.Positive(LearningRate);
        Guard.InRange(LastLearningRate, 0, LearningRate);
        Guard.InRange(WeightDecay, 0.0, 10.0);
        Guard.AtLeast(MaxGradientNorm, 0.0);
    }
}
