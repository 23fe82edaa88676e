using Microsoft.ML.Peft.Procedures.Calibration;

namespace Microsoft.ML.Peft.Training;

/// <summary>Where a run stands, reported after each step.</summary>
/// <param name="Epoch">Epoch, from 1.</param>
/// <param name="Epochs">Count of epochs.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Loss of the step's batch, before the step.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="RowsPerSecond">Rows trained on a second, since the start.</param>
/// <param name="Remaining">Time left at this speed.</param>
public sealed record TrainingProgress(
    int Epoch, int Epochs, long Step, long Steps, double Loss, double LearningRate, double RowsPerSecond, TimeSpan Remaining);

/// <summary>What a run did.</summary>
/// <param name="Rows">Rows of the data.</param>
/// <param name="Steps">Steps done.</param>
/// <param name="EpochLosses">Mean loss of each epoch.</param>
/// <param name="Duration">Time of the training steps, tokenization included.</param>
public sealed record TrainingReport(long Rows, long Steps, IReadOnlyList<double> EpochLosses, TimeSpan Duration)
{
    /// <summary>What a user should know, one sentence each: an adapter that still changes nothing, for example.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>How the adapter's start was measured on the rows, or null where the method measures nothing or did before.</summary>
    public CalibrationReport? Start { get; init; }

    /// <summary>Mean loss of the last epoch.</summary>
    public double FinalLoss => EpochLosses[^1];
}
