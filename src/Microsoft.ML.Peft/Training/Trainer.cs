using System.Diagnostics;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Inputs.Batching;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Calibration;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>Trains the adapter and head of a classifier; the base model stays as it is.</summary>
/// <remarks>The same rows, settings and seed give the same adapter, whatever ran before in the process.</remarks>
public static class Trainer
{
    private const int RowsAhead = 1024;

    /// <summary>Trains on every row once an epoch.</summary>
    /// <param name="model">The model; its adapter changes.</param>
    /// <param name="examples">The rows, read once.</param>
    /// <param name="options">Epochs, batch size, learning rate.</param>
    /// <param name="progress">Called after each step, on the caller's thread.</param>
    /// <param name="cancellation">Stops before the next step.</param>
    /// <exception cref="ArgumentException">A setting or a label is outside its range.</exception>
    /// <exception cref="PeftException">There are no rows, all are of one class, or the loss stopped being a number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the adapter is as the last step left it.</exception>
    public static TrainingReport Fit(
        TextClassifier model,
        IEnumerable<TextExample> examples,
        TrainingOptions options,
        Action<TrainingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        var clock = Stopwatch.StartNew();
        var (rows, labels) = Encode(model, examples);
        var start = AdapterStart.Measure(
            model.Model, model.Adapter, size => Batches(model, rows, labels, size), model.Settings.Seed, cancellation);
        using var context = ForwardContext.TrainingWith(model.Settings.Seed, model.Device, model.Adapter);
        context.DropPath(options.DropPath, model.Model.Backbone.Blocks.Count);
        using var run = new TrainerRun(model, rows, labels, context, options.BatchSize, options.Epochs);
        using var optimizer = new FlatAdamW(model.Adapter.TrainedParameters(), options.WeightDecay) { HighestLearningRate = options.LearningRate };
        using var method = model.Adapter.CreateTraining();
        var lead = method?.Begin(run);
        var losses = new double[options.Epochs];
        List<string> notes = [.. start?.Notes ?? []];
        var steps = run.TotalSteps;
        var (before, all) = (lead?.Steps ?? 0, steps + (lead?.Steps ?? 0));
        var settled = Math.Min(steps, (long)Math.Ceiling(options.WarmupRatio * steps) + 1);
        long step = 0, seen = 0;
        foreach (var batch in lead is null ? [] : run.Lead(lead))
        {
            // At the rates with which the run will begin.
            One(1, batch, new TrainingPoint(step, before, options.LearningRateAt(Math.Min(step, steps - 1), steps)) { IsLead = true }, 0);
            step++;
        }

        if (lead is not null)
        {
            run.EndLead();
            optimizer.Follow([]);
            optimizer.Follow(model.Adapter.TrainedParameters());
            step = 0;
        }

        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            foreach (var batch in run.Epoch(epoch))
            {
                losses[epoch] += One(epoch + 1, batch, new TrainingPoint(step, steps, options.LearningRateAt(step, steps)), before) * batch.Length / rows.Length;
                step++;
                if (step == settled && model.Adapter.ChangesNothing())
                {
                    notes.Add($"The adapter still changes no weight after {step} steps, the warm-up included: its gradients are zero or LearningRate, which is {options.LearningRate}, is too small to move it.");
                }
            }
        }

        method?.Finish();
        return new TrainingReport(rows.Length, all, losses, clock.Elapsed) { Notes = notes, Start = start };

        double One(int epoch, int[] batch, TrainingPoint point, long earlier)
        {
            cancellation.ThrowIfCancellationRequested();
            run.Batch = batch;
            var loss = Step(model, run, optimizer, method, point, options.MaxGradientNorm);
            var done = earlier + point.Step + 1;
            seen += batch.Length;
            if (!double.IsFinite(loss))
            {
                throw new PeftException(
                    $"The loss is {loss} at step {done} of {all}; lower LearningRate, which is {options.LearningRate}, or set MaxGradientNorm.");
            }

            var seconds = clock.Elapsed.TotalSeconds;
            progress?.Invoke(new TrainingProgress(
                epoch, options.Epochs, done, all, loss, point.LearningRate, seen / seconds, TimeSpan.FromSeconds(seconds / done * (all - done))));
            return loss;
        }
    }

    private static double Step(TextClassifier model, TrainerRun run, FlatAdamW optimizer, AdapterTraining? method, TrainingPoint point, double maxNorm)
    {
        using var scope = NewDisposeScope();
        method?.BeforeForward(point);
        var loss = run.Loss();
        var value = loss.item<float>();
        if (float.IsFinite(value)) // a step with NaN would spoil every parameter
        {
            TrainingStep.Apply(loss, model.Adapter, optimizer, method, point, maxNorm);
        }

        run.EndStep();
        return value;
    }

    // What a method is measured on before the first step.
    private static IEnumerable<CalibrationBatch> Batches(TextClassifier model, int[][] rows, long[] labels, int size)
    {
        foreach (var batch in new BatchPlan([.. rows.Select(r => r.Length)], size, model.Settings.Seed).Epoch(0))
        {
            yield return new(
                new() { Tokens = new TokenBatch(Array.ConvertAll(batch, k => rows[k]), model.Tokenizer.PadId, device: model.Device) },
                new(tensor(Array.ConvertAll(batch, k => labels[k]), device: model.Device)));
        }
    }

    private static (int[][] Rows, long[] Labels) Encode(TextClassifier model, IEnumerable<TextExample> examples)
    {
        var (rows, labels) = (new List<int[]>(), new List<long>());
        // Rows are read and tokenized ahead on other threads.
        var encoded = LookAhead.Map(examples, (example, _) => (Ids: model.Encode(example.Text), example.Label), Environment.ProcessorCount, RowsAhead);
        foreach (var (ids, label) in encoded)
        {
            if (label < 0 || label >= model.Labels.Count)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(examples), $"Row {rows.Count} has the label {label}; it must be from 0 to {model.Labels.Count - 1}.");
            }

            rows.Add(ids);
            labels.Add(label);
        }

        if (rows.Count == 0)
        {
            throw new PeftException("The training data has no rows; give at least one row of each of two classes.");
        }

        if (labels.Distinct().Take(2).Count() < 2)
        {
            throw new PeftException($"Every row of the training data is of the class '{model.Labels[(int)labels[0]]}'; a classifier needs at least 2 classes.");
        }

        return ([.. rows], [.. labels]);
    }
}
