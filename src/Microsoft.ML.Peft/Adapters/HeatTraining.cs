using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The schedule of HEAT: warm-up, measuring, silencing, and the rest of the run with the heads that are left.</summary>
internal sealed class HeatTraining : AdapterTraining
{
    private readonly HeatOptions _options;
    private readonly AdapterSet _adapter;
    private readonly AdapterTraining? _inner;
    private readonly List<HeadMask> _masks;
    private readonly List<(Parameter Parameter, Tensor Start)> _starts = [];
    private readonly bool _isSettled;
    private TrainingRun? _run;
    private long _warmup; // steps
    private bool _isMasked; // in this step
    private readonly Dictionary<Lora, Tensor> _aside = []; // rows of B that silent heads had, zero elsewhere (out, r)
    private List<(Lora Part, Tensor Open)> _shares = []; // 1 for the rows of B that are trained (out, 1)

    public HeatTraining(HeatOptions options, AdapterSet adapter, AdapterTraining? inner)
    {
        (_options, _adapter, _inner, _masks, _isSettled) = (options, adapter, inner, HeatOptions.Masks(adapter), options.SilentHeads is not null);
        _masks.ForEach(mask => options.PrunedOf(mask.Heads));
        TakeShares();
    }

    public override TrainingLead? Begin(TrainingRun run)
    {
        _run = run;
        if (_inner?.Begin(run) is not null)
        {
            throw new PeftException($"{_options.Adapter.Method.Name} needs steps of its own before the run, which HEAT does not give it.");
        }

        _warmup = run.StepsToMeasuring(_options.WarmupEpochs, _options.Restart);
        if (_isSettled || !_options.Restart)
        {
            return _isSettled || _options.WarmupEpochs is null || _warmup < run.TotalSteps ? null : throw new PeftException(
                $"The run has {run.TotalSteps / run.StepsPerEpoch} epochs and WarmupEpochs is {_options.WarmupEpochs}, after which HEAT would measure the heads; lower it, leave it out for a tenth of the run, or train longer.");
        }

        _starts.AddRange(_adapter.Adapters.Where(part => part is not LayerAdapter layer || !TrainedCopy.IsCopy(layer))
            .SelectMany(part => part.parameters()).Where(p => p.requires_grad).Distinct().Select(p => (p, p.detach().clone().DetachFromDisposeScope())));
        return new(_warmup);
    }

    public override void BeforeForward(TrainingPoint point)
    {
        if (!point.IsLead)
        {
            _inner?.BeforeForward(point);
        }
    }

    public override void BeforeStep(TrainingPoint point)
    {
        if (!point.IsLead)
        {
            _inner?.BeforeStep(point);
        }

        foreach (var (part, open) in _shares)
        {
            part.Factors.B.grad?.mul_(open);
        }
    }

    public override void AfterStep(TrainingPoint point)
    {
        if (!point.IsLead)
        {
            _inner?.AfterStep(point);
        }

        HoldShares(); // for optimizers that do not ask for Forgets
        _isMasked = false;
        if (!_isSettled && IsTime(point))
        {
            Silence(Scores());
            if (point.IsLead)
            {
                Restart();
                HoldShares();
            }

            _isMasked = true;
        }
    }

    /// <summary>The rows of silent heads, whose momentum would move them.</summary>
    public override IEnumerable<(Parameter Parameter, Tensor Kept)> Forgets
        => (_isMasked ? _shares : []).Select(share => (share.Part.Factors.B, share.Open)).Concat(_inner?.Forgets ?? []);

    public override void Finish() => _inner?.Finish();

    /// <summary>The scores of the heads as they are now.</summary>
    internal double[][] Scores()
    {
        using var scores = new HeatScores(_options, _adapter, _aside);
        return scores.Measure(_run!);
    }

    /// <summary>Silences the least important heads.</summary>
    internal void Silence(double[][] scores)
    {
        var silent = HeatSelection.Choose(_options, [.. _masks.Select(mask => mask.Heads)], scores);
        for (var k = 0; k < _masks.Count; k++)
        {
            _masks[k].Scores = scores[k];
            _masks[k].Silence(silent[k]);
        }

        TakeShares();
        SetAside();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner?.Dispose();
            _starts.ForEach(start => start.Start.Dispose());
            _shares.ForEach(share => share.Open.Dispose());
            ForgetAside();
        }

        base.Dispose(disposing);
    }

    private bool IsTime(TrainingPoint point)
    {
        var done = point.Step + 1;
        if (point.IsLead)
        {
            return done == point.TotalSteps;
        }

        var (every, warmup) = (_options.RescoreEvery * _run!.StepsPerEpoch, _options.Restart ? 0 : _warmup);
        return done == warmup || (every > 0 && done > warmup && (done - warmup) % every == 0 && done < point.TotalSteps);
    }

    private void Restart()
    {
        using var _ = no_grad();
        ForgetAside();
        foreach (var (parameter, start) in _starts)
        {
            parameter.copy_(start);
        }
    }

    private void TakeShares()
    {
        _shares.ForEach(share => share.Open.Dispose());
        _shares = _options.Mask != HeadMasking.Delta ? [] : HeatShares.Settle(_adapter.Adapters, _masks).ConvertAll(share =>
            (share.Part, tensor(Array.ConvertAll(share.Open, open => open ? 1f : 0), device: share.Part.Factors.B.device).unsqueeze(1).DetachFromDisposeScope()));
    }

    private void HoldShares()
    {
        using var _ = no_grad();
        foreach (var (part, open) in _shares)
        {
            part.Factors.B.mul_(open);
        }
    }

    // A head that speaks again gets back the rows that it had; those of a silent one are kept, for the next measuring.
    private void SetAside()
    {
        using var _ = no_grad();
        foreach (var (part, open) in _shares)
        {
            using var scope = NewDisposeScope();
            var b = part.Factors.B;
            var whole = _aside.TryGetValue(part, out var rows) ? b + rows : b.detach().clone();
            rows?.Dispose();
            _aside[part] = (whole * (1 - open)).DetachFromDisposeScope();
            b.copy_(whole * open);
        }
    }

    private void ForgetAside()
    {
        foreach (var rows in _aside.Values)
        {
            rows.Dispose();
        }

        _aside.Clear();
    }
}
