using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a training run gives its method besides the steps: losses of the step's batch, of rows that are held back, of all rows.</summary>
/// <remarks>The losses are the task's, without the method's penalty, and carry a graph. A method takes gradients of them between the steps and leaves
/// none behind: <c>autograd.grad</c>, or <c>backward</c> and cleared gradients.</remarks>
public abstract class TrainingRun
{
    /// <summary>Steps of the run, those of a <see cref="TrainingLead"/> not counted.</summary>
    public abstract long TotalSteps { get; }

    /// <summary>Steps of an epoch.</summary>
    public abstract long StepsPerEpoch { get; }

    /// <summary>Steps before a method measures what it will leave out: those of so many epochs; by default of a tenth of the run's epochs, but of at least 1 and at most
    /// 10, and half of the steps of a run of one epoch.</summary>
    /// <param name="epochs">Epochs: 1 or more. Null for the default.</param>
    /// <param name="isLead">True for steps before the run, which are whole epochs.</param>
    internal long StepsToMeasuring(int? epochs, bool isLead)
        => epochs is null && !isLead && TotalSteps <= StepsPerEpoch ? (TotalSteps + 1) / 2
            : (epochs ?? Math.Clamp(TotalSteps / StepsPerEpoch / 10, 1, 10)) * StepsPerEpoch;

    /// <summary>The loss of the step's batch with the parameters as they are now; to be asked for from <see cref="AdapterTraining.BeforeForward"/> on.</summary>
    public abstract Tensor Loss();

    /// <summary>The loss of the next batch of the rows that are held back, in the way of training; they come again from the first when all were there.</summary>
    /// <exception cref="PeftException">No rows are held back in this part of the run.</exception>
    public abstract Tensor HeldBackLoss();

    /// <summary>Takes the loss of the training rows in the way of predicting, without dropout: batch by batch, in an order that depends on the run's seed alone.</summary>
    /// <param name="batchSize">Rows of a batch: 1 or more.</param>
    /// <param name="mostBatches">Where to stop, or null for all rows.</param>
    /// <param name="use">Called with the loss of each batch, in a scope of its own.</param>
    /// <param name="below">Adapters that act below the trained one, such as recorders.</param>
    /// <returns>Count of batches.</returns>
    public abstract int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below);
}

/// <summary>Steps before the run that a method asks for: with their own count, at the run's first learning rates; the optimizer starts anew after them.</summary>
/// <param name="Steps">How many: 1 or more.</param>
/// <param name="HeldBack">Share of the rows that these steps leave out, for <see cref="TrainingRun.HeldBackLoss"/>: 0 to below 1.</param>
/// <param name="Seed">Seed by which these rows are drawn.</param>
public sealed record TrainingLead(long Steps, double HeldBack = 0, long Seed = 0);
