using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures;

/// <summary>The search of DiffoRA by itself, for a loss of the caller's own; <see cref="Trainer"/> does it before its run.</summary>
/// <remarks>Half of the rows train the pairs, the other half the logits, in turns. The losses of the search are no result of the method: its layers have weights between 0 and 1,
/// and train anew afterwards.</remarks>
public static class DiffoRaSearch
{
    /// <summary>Finds out which layers deserve a pair of their own.</summary>
    /// <param name="adapter">A new adapter of <see cref="DiffoRaOptions"/>, which is in its second stage afterwards.</param>
    /// <param name="rows">Count of training rows: 2 or more.</param>
    /// <param name="loss">The loss of some rows, given by their indices: one number with a graph.</param>
    /// <param name="training">Learning rate, which stays, batch size, weight decay and limit of the gradient; epochs, of whose steps the search has its share. Default null: the defaults.</param>
    /// <returns>The matrix, discrete: what was selected, and which pair each layer has.</returns>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    /// <exception cref="PeftException">The adapter is no DiffoRA, or was searched already; or a loss is no number.</exception>
    public static DifferentialAdaptationMatrix Run(AdapterSet adapter, int rows, Func<int[], Tensor> loss, TrainingOptions? training = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(loss);
        Guard.AtLeast(rows, 2);
        training ??= new();
        training.Validate();
        if (adapter.Options is not DiffoRaOptions { SelectedModules: null })
        {
            throw new PeftException($"The adapter '{adapter.Name}' is no DiffoRA that is to be searched: {(adapter.Options is DiffoRaOptions ? "its layers are selected already" : "its method has no such search")}. Make a new one.");
        }

        using var method = adapter.CreateTraining()!;
        using var optimizer = new FlatAdamW(adapter.TrainedParameters(), training.WeightDecay) { HighestLearningRate = training.LearningRate };
        using var run = new Rows(rows, loss, training);
        var lead = method.Begin(run)!;
        var step = 0L;
        foreach (var batch in run.Split(lead))
        {
            using var scope = NewDisposeScope();
            run.Batch = batch;
            var point = new TrainingPoint(step++, lead.Steps, training.LearningRate) { IsLead = true };
            method.BeforeForward(point);
            var value = run.Loss();
            if (!float.IsFinite(value.item<float>()))
            {
                throw new PeftException($"The loss is {value.item<float>()} at step {step} of {lead.Steps} of the search; lower LearningRate, which is {training.LearningRate}, or set MaxGradientNorm.");
            }

            TrainingStep.Apply(value, adapter, optimizer, method, point, training.MaxGradientNorm);
        }

        return adapter.Adapters.OfType<DifferentialAdaptationMatrix>().Single();
    }

    private sealed class Rows(int count, Func<int[], Tensor> loss, TrainingOptions training) : TrainingRun, IDisposable
    {
        private IEnumerator<int[]>? _heldBack;

        public int[] Batch { get; set; } = [];

        public override long TotalSteps => StepsPerEpoch * training.Epochs;

        public override long StepsPerEpoch => (count + training.BatchSize - 1) / training.BatchSize;

        public IEnumerable<int[]> Split(TrainingLead lead)
        {
            var split = new RowSplit(lead, count, some => new BatchPlan(new int[some.Length], training.BatchSize, unchecked((int)lead.Seed)));
            _heldBack = split.HeldBackBatches();
            return split.Steps;
        }

        public override Tensor Loss() => loss(Batch);

        public override Tensor HeldBackLoss()
        {
            _heldBack!.MoveNext();
            return loss(_heldBack.Current);
        }

        public override int EachLoss(int batchSize, int? mostBatches, Action<Tensor> use, params IReadOnlyList<AdapterSet> below)
            => throw new NotSupportedException("The search of DiffoRA looks at batches alone.");

        public void Dispose() => _heldBack?.Dispose();
    }
}
