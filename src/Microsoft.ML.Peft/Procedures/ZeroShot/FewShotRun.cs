using System.Diagnostics;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>The steps of <see cref="FewShotTraining"/>.</summary>
internal sealed class FewShotRun(
    ZeroShotClassifier classifier, FewShotTraining.Pictures pictures, IReadOnlyList<int> labels, FewShotOptions options, AdapterSet adapter, ForwardContext context, long steps)
    : TrainingRun, IDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Random _random = new(options.Seed); // a seeded Random draws by a fixed algorithm
    private readonly FlatAdamW _optimizer = new(adapter.TrainedParameters(), options.WeightDecay) { HighestLearningRate = options.LearningRate };
    private readonly AdapterTraining? _method = adapter.CreateTraining();
    private (Tensor Pixels, int[] Rows)? _batch; // of the step
    private Tensor? _constant; // vectors of the classes, where nothing that acts on texts is trained

    public TimeSpan Elapsed => _clock.Elapsed;

    public override long TotalSteps => steps;

    public override long StepsPerEpoch => (labels.Count + options.BatchSize - 1) / options.BatchSize;

    /// <summary>Takes every step; returns the mean loss of each pass over the pictures.</summary>
    public double[] Train(Action<long, double>? progress, CancellationToken cancellation)
    {
        if (_method?.Begin(this) is { } lead)
        {
            throw new PeftException($"The method {adapter.Options!.Method.Name} wants {lead.Steps} steps before the training, which few-shot training does not have; choose another method.");
        }

        var (epochs, rows, next, seen) = (new List<double>(), Enumerable.Range(0, labels.Count).ToArray(), labels.Count, 0);
        for (long step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (next >= rows.Length)
            {
                _random.Shuffle(rows);
                epochs.Add(0);
                (next, seen) = (0, 0);
            }

            var batch = rows[next..Math.Min(next + options.BatchSize, rows.Length)];
            next += batch.Length;
            seen += batch.Length;
            var loss = Step(batch, new TrainingPoint(step, steps, options.LearningRateAt(step, steps)));
            epochs[^1] += (loss - epochs[^1]) * batch.Length / seen;
            progress?.Invoke(step + 1, loss);
        }

        _method?.Finish();
        return [.. epochs];
    }

    public override Tensor Loss()
    {
        var (pixels, rows) = _batch ?? throw new InvalidOperationException("There is no step, so that it has no loss; ask for it from BeforeForward on.");
        var vectors = _constant ?? classifier.ClassVectors(context);
        if (!vectors.requires_grad)
        {
            _constant = vectors.DetachFromDisposeScope();
        }

        return LossOf(pixels, rows, vectors, context);
    }

    public override Tensor HeldBackLoss() => throw new PeftException("Few-shot training holds no pictures back.");

    public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
    {
        Guard.AtLeast(batchSize, 1);
        var (random, rows, count) = (new Random(options.Seed), Enumerable.Range(0, labels.Count).ToArray(), 0);
        random.Shuffle(rows);
        using var predicting = ForwardContext.Predicting([.. below, adapter]);
        foreach (var batch in rows.Chunk(batchSize).Take(mostBatches ?? int.MaxValue))
        {
            using var scope = NewDisposeScope();
            var vectors = classifier.ClassVectors(predicting);
            use(LossOf(pictures(batch, random).to(vectors.device), batch, vectors, predicting));
            count++;
        }

        return count;
    }

    public void Dispose()
    {
        _constant?.Dispose();
        _method?.Dispose();
        _optimizer.Dispose();
    }

    private double Step(int[] rows, TrainingPoint point)
    {
        using var scope = NewDisposeScope();
        _batch = (pictures(rows, _random).to(classifier.Encoder.LogitScale.device), rows);
        _method?.BeforeForward(point);
        var loss = Loss();
        var value = loss.item<float>();
        if (!float.IsFinite(value))
        {
            throw new PeftException($"The loss is {value} at step {point.Step + 1} of {steps}; lower LearningRate, which is {options.LearningRate}, or set MaxGradientNorm.");
        }

        TrainingStep.Apply(loss, adapter, _optimizer, _method, point, options.MaxGradientNorm);
        _batch = null;
        return value;
    }

    private Tensor LossOf(Tensor pixels, int[] rows, Tensor vectors, ForwardContext pass)
        => nn.functional.cross_entropy(classifier.Logits(pixels, vectors, pass), tensor(Array.ConvertAll(rows, k => (long)labels[k]), device: vectors.device));
}
