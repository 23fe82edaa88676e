using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>Trains adapters on weights of the caller's own, without a model, for the synthetic tasks.</summary>
internal sealed class LayerFit : IDisposable
{
    public LayerFit(AdapterOptions options, IReadOnlyList<LinearWeight> weights, long seed)
    {
        Adapter = AdapterSet.ForWeights(options, weights, seed);
        Layers = [.. Adapter.Adapters.OfType<LinearAdapter>()];
    }

    /// <summary>The adapter.</summary>
    public AdapterSet Adapter { get; }

    /// <summary>The adapted layers as modules, in the order of the weights.</summary>
    public IReadOnlyList<LinearAdapter> Layers { get; }

    /// <summary>Numbers that are trained.</summary>
    public long TrainableCount => Adapter.TrainableCount;

    /// <summary>Minimises a loss with AdamW, with the method's own hooks.</summary>
    /// <param name="loss">The loss of a step, counted from 0; it draws its batch itself.</param>
    /// <param name="steps">Count of steps.</param>
    /// <param name="rate">Learning rate at the start.</param>
    /// <param name="falls">True for a rate that falls linearly to 0, false for one that stays.</param>
    /// <param name="lead">Losses of the steps that the method may ask for before, or null where it asks for none.</param>
    /// <returns>The loss of the last step.</returns>
    public double Train(Func<int, Tensor> loss, int steps, double rate, bool falls = true, LeadLosses? lead = null)
    {
        using var optimizer = new FlatAdamW(Adapter.TrainedParameters()) { HighestLearningRate = rate };
        using var method = Adapter.CreateTraining();
        var run = new LayerRun(steps, lead);
        var before = method?.Begin(run)?.Steps ?? 0;
        SetTraining(true);
        var last = double.NaN;
        for (var k = 0; k < before + steps; k++)
        {
            using var scope = NewDisposeScope();
            var (isLead, step) = (k < before, k < before ? k : (int)(k - before));
            var at = Math.Min(step, steps - 1);
            var point = new TrainingPoint(step, isLead ? before : steps, falls ? rate * (1 - ((double)at / steps)) : rate) { IsLead = isLead };
            run.StepLoss = () => isLead ? run.Losses.Lead(step) : loss(step);
            method?.BeforeForward(point);
            var value = run.StepLoss();
            TrainingStep.Apply(value, Adapter, optimizer, method, point, maxGradientNorm: 0);
            if (k == before - 1)
            {
                optimizer.Follow([]); // it starts anew after the lead
                optimizer.Follow(Adapter.TrainedParameters());
            }

            if (k == before + steps - 1)
            {
                last = value.item<float>();
            }
        }

        method?.Finish();
        SetTraining(false);
        return last;
    }

    /// <inheritdoc/>
    public void Dispose() => Adapter.Dispose();

    private void SetTraining(bool training)
    {
        foreach (var part in Adapter.Adapters)
        {
            part.train(training);
        }
    }
}
