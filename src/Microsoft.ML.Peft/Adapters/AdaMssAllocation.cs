using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>AdaMSS while training: the least important groups of the model stop being trained, until so many are left.</summary>
/// <remarks>Importance of a number is the mean over steps of |number·gradient|, its uncertainty the mean of the change; a group counts by the
/// mean of their products. At each interval the groups are ranked over all layers, the count left is
/// <c>target + (all − target)·(1 − t)³</c> for t from 0 to 1, and the means begin anew.</remarks>
internal sealed class AdaMssAllocation : AdapterTraining
{
    private readonly AdaMssOptions _options;
    private readonly List<Group> _groups;

    public AdaMssAllocation(AdaMssOptions options, AdapterSet adapter)
    {
        _options = options;
        _groups = [.. adapter.Adapters.OfType<AdaMss>().SelectMany(part => part.Groups).Select(g => new Group(new(g.A), new(g.B)))];
    }

    public override void AfterStep(TrainingPoint point)
    {
        if (point.Step < _options.FirstStep || point.Step > _options.LastStep)
        {
            return;
        }

        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var group in _groups)
        {
            group.A.Remember(_options);
            group.B.Remember(_options);
        }

        if (point.Step % _options.Interval != 0)
        {
            return;
        }

        var ranked = _groups.Where(g => g.A.IsKnown && g.B.IsKnown).OrderByDescending(g => g.A.Score() + g.B.Score()).ToList();
        foreach (var group in ranked.Skip(CountAt(point.Step)))
        {
            group.A.Stop();
            group.B.Stop();
        }

        Forget();
    }

    /// <summary>How many groups are trained after a step.</summary>
    internal int CountAt(long step)
    {
        var left = 1 - ((double)(step - _options.FirstStep) / (_options.LastStep - _options.FirstStep));
        return (int)(_options.TargetSubspaces + ((_groups.Count - _options.TargetSubspaces) * Math.Pow(left, _options.Exponent)));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
        }
    }

    private void Forget()
    {
        foreach (var group in _groups)
        {
            group.A.Forget();
            group.B.Forget();
        }
    }

    private sealed record Group(Means A, Means B);

    private sealed class Means(Parameter parameter)
    {
        private Tensor? _importance;
        private Tensor? _uncertainty;

        public bool IsKnown => _importance is not null;

        public void Remember(AdaMssOptions options)
        {
            if (parameter.grad is not { } gradient || !parameter.requires_grad)
            {
                return;
            }

            _importance ??= zeros_like(parameter).DetachFromDisposeScope();
            _uncertainty ??= zeros_like(parameter).DetachFromDisposeScope();
            var now = parameter.mul(gradient).abs();
            _uncertainty.mul_(options.UncertaintyMemory).add_((now - _importance).abs(), 1 - options.UncertaintyMemory);
            _importance.mul_(options.ImportanceMemory).add_(now, 1 - options.ImportanceMemory);
        }

        public float Score() => _importance!.mul(_uncertainty!).mean().item<float>();

        public void Stop()
        {
            parameter.grad = null;
            parameter.requires_grad = false;
        }

        public void Forget()
        {
            _importance?.Dispose();
            _uncertainty?.Dispose();
            (_importance, _uncertainty) = (null, null);
        }
    }
}
