namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Settings of <see cref="FewShotTraining"/>; the defaults are those of CLIP-SVD.</summary>
public sealed record FewShotOptions
{
    /// <summary>The authors' settings for BiomedCLIP: two pictures a class at most count for the steps, no weight decay. They chose the learning rate for each data set, 1e-3 to 1e-2.</summary>
    public static FewShotOptions Biomedical { get; } = new() { MostCountedShots = 2, WeightDecay = 0, LearningRate = 1e-3 };

    /// <summary>Steps for each picture that the largest class has: 1 or more. Default 200.</summary>
    public int StepsPerShot { get; init; } = 200;

    /// <summary>Most pictures a class that count for the steps: 1 or more. Default: no limit; 2 for BiomedCLIP.</summary>
    public int MostCountedShots { get; init; } = int.MaxValue;

    /// <summary>Passes over the pictures in place of a count by shots, as in transfers to other classes or sets: 1 or more. Default null: <see cref="StepsPerShot"/>.</summary>
    public int? Epochs { get; init; }

    /// <summary>The learning rate goes as in the authors' code where <see cref="Epochs"/> are set: down in as many steps as there are epochs, up again in as many, and so on. Default
    /// false: once down over the run.</summary>
    public bool Compat { get; init; }

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

    /// <summary>The learning rate of a step: <c>last + ½·(first − last)·(1 + cos(π·step/steps))</c>, with <see cref="Compat"/> the epochs in place of the steps.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">Steps of the run: the wave is as long as the run, whatever the epochs.</param>
    public double LearningRateAt(long step, long steps)
        => LastLearningRate + (0.5 * (LearningRate - LastLearningRate) * (1 + Math.Cos(Math.PI * step / (Compat ? Epochs ?? steps : steps))));

    /// <summary>Steps of a run whose length is counted by shots.</summary>
    /// <param name="shots">Pictures of the largest class.</param>
    public long StepsOf(int shots) => (long)StepsPerShot * Math.Min(shots, MostCountedShots);

    /// <summary>Steps of a run: those of <see cref="Epochs"/>, or by shots.</summary>
    /// <param name="shots">Pictures of the largest class.</param>
    /// <param name="pictures">Pictures in all.</param>
    public long StepsOf(int shots, int pictures) => Epochs is { } epochs ? epochs * (((long)pictures + BatchSize - 1) / BatchSize) : StepsOf(shots);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range, or Compat has no epochs.</exception>
    public void Validate()
    {
        Guard.AtLeast(StepsPerShot, 1);
        Guard.AtLeast(MostCountedShots, 1);
        Guard.AtLeast(Epochs ?? 1, 1, nameof(Epochs));
        if (Compat && Epochs is null)
        {
            throw new ArgumentException("Compat is true without Epochs, by which it counts the waves of the learning rate; set Epochs.");
        }

        Guard.AtLeast(BatchSize, 1);
        Guard.Positive(LearningRate);
        Guard.InRange(LastLearningRate, 0, LearningRate);
        Guard.InRange(WeightDecay, 0.0, 10.0);
        Guard.AtLeast(MaxGradientNorm, 0.0);
    }
}
