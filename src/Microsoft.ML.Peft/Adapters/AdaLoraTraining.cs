using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The schedule of <see cref="AdaLora"/>: measures how much each rank matters and takes the least important ones away.</summary>
/// <remarks>After each step <c>I = |p ⊙ ∂p|</c>, <c>Ī ← β₁·Ī + (1−β₁)·I</c>, <c>Ū ← β₂·Ū + (1−β₂)·|I − Ī|</c>, score Ī·Ū; a rank's score is
/// that of its value plus the means of its row of A and its column of B. The budget falls by the cube of what is left of the schedule.</remarks>
internal sealed class AdaLoraTraining(AdaLoraOptions options, IReadOnlyList<AdaLora> parts) : AdapterTraining
{
    private readonly Dictionary<Tensor, (Tensor Mean, Tensor Uncertainty)> _importance = new(ReferenceEqualityComparer.Instance);

    public override void AfterStep(TrainingPoint point)
    {
        var (step, total) = (point.Step + 1, options.TotalSteps ?? point.TotalSteps);
        var last = total - options.FinalSteps; // from here on the ranks stay
        if (options.InitialSteps >= last)
        {
            throw new PeftException(
                $"The run has {total} steps, of which AdaLoRA keeps all ranks in the first {options.InitialSteps} and the last {options.FinalSteps}; "
                + "lower InitialSteps or FinalSteps, or train longer.");
        }

        parts[0].TrainedSteps = total;
        if (step > last)
        {
            foreach (var part in parts.Where(part => part.Kept is not null))
            {
                part.Mask([.. part.Kept!]); // the optimizer's decay and momentum move them
            }

            return;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (step < last)
        {
            Measure();
        }

        var budget = Budget(step, last);
        if ((step == last || (step > options.InitialSteps && step % options.Interval == 0)) && budget < parts.Count * options.InitialRank)
        {
            Mask(budget);
        }
    }

    public override void Finish()
    {
        foreach (var part in parts)
        {
            part.Cut();
        }
    }

    /// <summary>How many ranks the layers may have together.</summary>
    internal long Budget(long step, long last)
    {
        long first = (long)parts.Count * options.InitialRank, target = (long)parts.Count * options.TargetRank;
        if (step <= options.InitialSteps)
        {
            return first;
        }

        var left = 1 - ((double)(step - options.InitialSteps) / (last - options.InitialSteps));
        return (long)(((first - target) * left * left * left) + target);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var (mean, uncertainty) in _importance.Values)
            {
                mean.Dispose();
                uncertainty.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private void Measure()
    {
        foreach (var parameter in parts.SelectMany(part => new Tensor[] { part.A, part.B, part.E }))
        {
            if (!_importance.TryGetValue(parameter, out var state))
            {
                state = (zeros_like(parameter).DetachFromDisposeScope(), zeros_like(parameter).DetachFromDisposeScope());
                _importance.Add(parameter, state);
            }

            if (parameter.grad is { } gradient)
            {
                var importance = (parameter * gradient).abs();
                state.Mean.mul_(options.Beta1).add_(importance, 1 - options.Beta1);
                state.Uncertainty.mul_(options.Beta2).add_((importance - state.Mean).abs(), 1 - options.Beta2);
            }
        }
    }

    private void Mask(long budget)
    {
        var scores = parts.Select(part => (Score(part.E).view(-1) + Score(part.A).mean([1]) + Score(part.B).mean([0])).cpu().data<float>().ToArray()).ToList();
        var sorted = scores.SelectMany(s => s).Order().ToArray();
        var threshold = sorted[sorted.Length - budget - 1];
        for (var k = 0; k < parts.Count; k++)
        {
            parts[k].Mask(Array.ConvertAll(scores[k], score => score > threshold));
        }
    }

    private Tensor Score(Tensor parameter) => _importance.TryGetValue(parameter, out var state) ? state.Mean * state.Uncertainty : zeros_like(parameter);
}
