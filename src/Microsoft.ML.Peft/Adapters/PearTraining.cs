using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The schedule of PEAR: all parts are trained, measured, the least important ones pruned; then those that are kept, and the gates.</summary>
internal sealed class PearTraining : AdapterTraining
{
    private readonly PearOptions _options;
    private readonly AdapterSet _adapter;
    private readonly List<PearSite> _sites;
    private readonly List<(PearSite Site, Parameter Parameter, Tensor Start)> _starts = [];
    private TrainingRun? _run;
    private long _shared; // steps of the run before the pruning

    public PearTraining(PearOptions options, AdapterSet adapter)
        => (_options, _adapter, _sites) = (options, adapter, PearOptions.Sites(adapter));

    public override TrainingLead? Begin(TrainingRun run)
    {
        _run = run;
        var steps = run.StepsToMeasuring(_options.ScoreEpoch, _options.Restart);
        if (!_options.Restart)
        {
            _shared = steps;
            return _options.ScoreEpoch is null || steps < run.TotalSteps ? null : throw new PeftException(
                $"The run has {run.TotalSteps / run.StepsPerEpoch} epochs and ScoreEpoch is {_options.ScoreEpoch}, after which PEAR would measure the parts; lower it, leave it out for a tenth of the run, or train longer.");
        }

        _starts.AddRange(_sites.SelectMany(site => site.Own.Select(own => (site, own.Parameter, own.Parameter.detach().clone().DetachFromDisposeScope()))));
        return new(steps);
    }

    public override void BeforeForward(TrainingPoint point)
    {
        var factor = point.IsLead || _options.Checkpoint != PearCheckpoint.Distil ? 0
            : _options.DistilWeight * Math.Max(0, 1 - ((double)(point.Step - _shared) / (point.TotalSteps - _shared)));
        foreach (var site in _sites.Where(site => site.IsPruned))
        {
            site.Distilled = factor;
        }
    }

    public override void AfterStep(TrainingPoint point)
    {
        if (_sites.Any(site => site.Importance is not null) || (point.IsLead ? point.Step != point.TotalSteps - 1 : point.Step != _shared - 1))
        {
            return;
        }

        Prune(Measure());
        using var _ = no_grad();
        foreach (var (_, parameter, start) in _starts.Where(start => !start.Site.IsPruned))
        {
            parameter.copy_(start);
        }
    }

    /// <summary>The teachers may go.</summary>
    public override void Finish()
    {
        foreach (var site in _sites.Where(site => site.IsPruned && _options.Checkpoint == PearCheckpoint.Distil))
        {
            site.Distilled = 0;
            site.Part.Dispose();
        }
    }

    /// <summary>The mean over batches of |gᵀθ| of each place, as a share of its kind.</summary>
    internal double[] Measure()
    {
        using var scope = NewDisposeScope();
        var sums = zeros([_sites.Count], ScalarType.Float64);
        _sites.ForEach(site => site.Records = _options.Checkpoint == PearCheckpoint.Mean);
        Clear();
        var batches = _run!.EachLoss(_options.ScoreBatchSize, _options.ScoreBatches, loss =>
        {
            loss.backward();
            using (no_grad())
            {
                sums.add_(stack(_sites.Select(site => site.Own
                    .Where(own => own.Parameter.grad is not null)
                    .Select(own => (own.Parameter.grad! * own.Parameter).sum())
                    .Aggregate(zeros([], device: site.Own[0].Parameter.device), (a, b) => a + b).abs().to(ScalarType.Float64).cpu())));
            }

            Clear();
        });
        _sites.ForEach(site => site.Records = false);
        var importance = sums.div(batches).data<double>().ToArray();
        var kinds = _sites.Select((site, k) => (site.Kind, Of: importance[k])).GroupBy(s => s.Kind).ToDictionary(g => g.Key, g => g.Sum(s => s.Of));
        return [.. importance.Select((of, k) => kinds[_sites[k].Kind] > 0 ? of / kinds[_sites[k].Kind] : 0)];
    }

    /// <summary>Prunes the least important places and gives each its donor.</summary>
    internal void Prune(double[] importance)
    {
        for (var k = 0; k < _sites.Count; k++)
        {
            _sites[k].Importance = importance[k];
        }

        var pruned = PearPlan.Pruned(_options, _sites);
        var donors = PearPlan.Donors(_options, _sites, pruned);
        foreach (var site in pruned)
        {
            site.Prune(donors.GetValueOrDefault(site), teaches: _options.Checkpoint == PearCheckpoint.Distil);
        }

        _sites.ForEach(site => site.ForgetRecord());
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _starts.ForEach(start => start.Start.Dispose());
        }

        base.Dispose(disposing);
    }

    private void Clear()
    {
        foreach (var (parameter, _) in _adapter.TrainedParameters())
        {
            parameter.grad = null;
        }
    }
}
