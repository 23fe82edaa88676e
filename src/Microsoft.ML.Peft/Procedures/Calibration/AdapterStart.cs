using System.Diagnostics;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.Calibration;

/// <summary>A batch on which a base model is measured.</summary>
/// <param name="Inputs">What the model is given.</param>
/// <param name="Targets">What it should say: needed by a start that measures gradients, and used by one that leaves out masked tokens.</param>
public sealed record CalibrationBatch(ModelInputs Inputs, Targets? Targets = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Inputs.Dispose();
        Targets?.Labels?.Dispose();
        Targets?.StartPositions?.Dispose();
        Targets?.EndPositions?.Dispose();
    }
}

/// <summary>What a calibration did.</summary>
/// <param name="Batches">Batches that have passed, each time counted.</param>
/// <param name="Duration">Time it took.</param>
/// <param name="Notes">What a user should know, one sentence each.</param>
public sealed record CalibrationReport(long Batches, TimeSpan Duration, IReadOnlyList<string> Notes);

/// <summary>Gives an adapter the start that its method measures on training rows: EVA, CorDA or LoRA-GA.</summary>
public static class AdapterStart
{
    /// <summary>Measures the base model and puts the start into the adapter, once: before the first step, before a context with the adapter is made.</summary>
    /// <remarks>The same batches and seed give the same start.</remarks>
    /// <param name="model">The base model, which stays as it is.</param>
    /// <param name="adapter">A new adapter of the model.</param>
    /// <param name="batches">Makes the batches of a count of rows, always the same; they are disposed here. It is enumerated again where one pass is not enough.</param>
    /// <param name="seed">Seed of what is drawn: dropout while gradients are measured, and the start itself.</param>
    /// <param name="cancellation">Stops before the next batch; the adapter is then as it was.</param>
    /// <returns>What was done, or null where the method measures nothing, was measured before, or comes from a file.</returns>
    /// <exception cref="ArgumentException">There are no batches, or one has no targets and the start needs the loss.</exception>
    /// <exception cref="PeftException">The start does not fit the layers, or what was measured is not enough, or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CalibrationReport? Measure(
        PretrainedModel model, AdapterSet adapter, Func<int, IEnumerable<CalibrationBatch>> batches, long seed = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(batches);
        var clock = Stopwatch.StartNew();
        using var calibration = adapter.CreateCalibration(seed);
        if (calibration is null)
        {
            return null;
        }

        long count = 0;
        if (calibration.NeedsBatches)
        {
            // The recorders are the calibration's, which disposes them.
            var recorders = AdapterSet.Of("calibration", null, calibration.Recorders, model.Layers.Count);
            using var context = calibration.NeedsGradients
                ? ForwardContext.TrainingWith(seed, model.Layers.SelectMany(layer => layer.Tensors()).First().Tensor.device, recorders)
                : ForwardContext.Predicting(recorders);
            count = Pass(model, calibration, batches(calibration.BatchSize), context, cancellation);
        }

        var notes = calibration.Finish();
        adapter.Calibrated();
        return new(count, clock.Elapsed, notes);
    }

    private static long Pass(
        PretrainedModel model, AdapterCalibration calibration, IEnumerable<CalibrationBatch> batches, ForwardContext context, CancellationToken cancellation)
    {
        for (long count = 0, before = 0; ; before = count)
        {
            foreach (var batch in batches)
            {
                using (batch)
                {
                    var step = CalibrationStep.Again;
                    while (step == CalibrationStep.Again)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        calibration.BeforeBatch(batch.Inputs, batch.Targets);
                        Forward(model, calibration.NeedsGradients, batch, context);
                        count++;
                        step = calibration.AfterBatch();
                    }

                    if (step == CalibrationStep.Enough)
                    {
                        return count;
                    }
                }
            }

            if (count == before)
            {
                throw new ArgumentException("There are no batches to measure the base model on; give at least one.", nameof(batches));
            }

            if (!calibration.Repeats)
            {
                return count;
            }
        }
    }

    private static void Forward(PretrainedModel model, bool withGradients, CalibrationBatch batch, ForwardContext context)
    {
        using var scope = NewDisposeScope();
        if (withGradients)
        {
            var targets = batch.Targets ?? throw new ArgumentException("A batch has no targets, and the start is made of the gradient of the loss; give targets.", nameof(batch));
            model.Loss(batch.Inputs, targets, context).backward();
            return;
        }

        using var _ = no_grad();
        model.Forward(batch.Inputs, context);
    }
}
