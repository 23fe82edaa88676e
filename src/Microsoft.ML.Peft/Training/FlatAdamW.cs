using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>AdamW over one flat buffer a group: a dozen operators a step, whatever the count of parameters.</summary>
/// <remarks>
/// <para><c>p ← p·(1 − lr·λ); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← p − lr·(m/(1 − β₁ᵗ))/(√(v/(1 − β₂ᵗ)) + ε)</c>.</para>
/// <para>The parameters are made views of the buffer; their gradients are gathered by one concatenation. A parameter without
/// a gradient counts as having gradient 0, unless no parameter of its group has one: that group is left alone.</para>
/// <para>Source: Loshchilov and Hutter 2017, arXiv:1711.05101.</para>
/// </remarks>
public sealed class FlatAdamW : IDisposable
{
    private readonly List<FlatAdamWGroup> _groups = [];
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly double _decay;

    /// <summary>Takes over the storage of the parameters, which keep their numbers.</summary>
    /// <param name="parameters">Trainable parameters of type Float32 on one device.</param>
    /// <param name="weightDecay">λ.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="eps">ε.</param>
    public FlatAdamW(
        IEnumerable<Parameter> parameters, double weightDecay = 0, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8)
        : this(parameters.Select(p => (p, new OptimizerGroup(""))), weightDecay, beta1, beta2, eps)
    {
    }

    /// <summary>The same with parameters in groups.</summary>
    /// <param name="parameters">Trainable parameters of type Float32 on one device, with their groups.</param>
    /// <param name="weightDecay">λ.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="eps">ε.</param>
    public FlatAdamW(
        IEnumerable<(Parameter Parameter, OptimizerGroup Group)> parameters,
        double weightDecay = 0,
        double beta1 = 0.9,
        double beta2 = 0.999,
        double eps = 1e-8)
    {
        (_decay, _beta1, _beta2, _eps) = (weightDecay, beta1, beta2, eps);
        Add(parameters);
    }

    /// <summary>The run's highest learning rate, to which those of groups with a rate of their own are in proportion.</summary>
    public double? HighestLearningRate { get; init; }

    /// <summary>Count of groups; parameters that came at different times are of different ones, also where they are stepped together.</summary>
    internal int GroupCount => _groups.Sum(group => group.Arrivals);

    /// <summary>One step from the gradients that the parameters hold.</summary>
    /// <param name="learningRate">lr.</param>
    /// <param name="maxGradientNorm">Longest gradient, or 0.</param>
    /// <param name="keepGradients">False to clear the gradients; true where a replayed graph writes them to the same place again, or
    /// where they are still looked at.</param>
    public void Step(double learningRate, double maxGradientNorm, bool keepGradients = false)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var gradients = _groups.Select(group => group.Gradient(keepGradients)).ToArray();
        if (maxGradientNorm > 0 && gradients.Where((_, k) => !_groups[k].Group.Unclipped).OfType<Tensor>().ToArray() is { Length: > 0 } present)
        {
            var norm = present.Length == 1 ? present[0].norm() : stack(present.Select(g => g.norm())).norm();
            var factor = norm.add_(1e-6).reciprocal_().mul_(maxGradientNorm).clamp_max_(1);
            foreach (var gradient in present)
            {
                gradient.mul_(factor);
            }
        }

        for (var k = 0; k < gradients.Length; k++)
        {
            if (gradients[k] is { } gradient)
            {
                _groups[k].Step(gradient, RateOf(_groups[k].Group, learningRate), _decay, _beta1, _beta2, _eps);
            }
        }
    }

    /// <summary>Clears the gradients, and takes parameters in that are new and leaves out those that are gone, with their moments.</summary>
    /// <param name="parameters">What is trained from now on.</param>
    public void Follow(IEnumerable<(Parameter Parameter, OptimizerGroup Group)> parameters)
    {
        var wanted = parameters.ToList();
        var names = wanted.Select(p => p.Parameter).ToHashSet(ReferenceEqualityComparer.Instance);
        var known = new HashSet<object>(ReferenceEqualityComparer.Instance);
        using var _ = no_grad();
        for (var k = _groups.Count - 1; k >= 0; k--)
        {
            var left = _groups[k].Without(names);
            if (!ReferenceEquals(left, _groups[k]))
            {
                _groups[k].Dispose();
                _groups.RemoveAt(k);
                if (left is not null)
                {
                    _groups.Insert(k, left);
                }
            }

            left?.ClearGradients();
            known.UnionWith(left?.Parameters ?? []);
        }

        Add(wanted.Where(p => !known.Contains(p.Parameter)));
    }

    /// <summary>Sets moments to 0 in part.</summary>
    /// <param name="parts">Parameters, with 1 where their moments stay and 0 where they go, in a shape that spreads to the parameter's.</param>
    public void Forget(IEnumerable<(Parameter Parameter, Tensor Kept)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        using var _ = no_grad();
        foreach (var (parameter, kept) in parts)
        {
            _groups.ForEach(group => group.Forget(parameter, kept));
        }
    }

    /// <summary>Frees the optimizer's state; the parameters keep theirs.</summary>
    public void Dispose() => _groups.ForEach(group => group.Dispose());

    private double RateOf(OptimizerGroup group, double rate)
        => group.LearningRate is not { } own ? rate * group.LearningRateFactor
            : HighestLearningRate is { } highest ? rate / highest * own * group.LearningRateFactor
            : throw new InvalidOperationException($"The group '{group.Name}' has a learning rate of its own, {own}; set HighestLearningRate, so that it can follow the schedule.");

    private void Add(IEnumerable<(Parameter Parameter, OptimizerGroup Group)> parameters)
    {
        foreach (var group in parameters.GroupBy(p => p.Group))
        {
            Parameter[] members = [.. group.Select(p => p.Parameter)];
            if (_groups.FindIndex(known => known.Group == group.Key) is >= 0 and var place)
            {
                var before = _groups[place];
                _groups[place] = before.With(members);
                before.Dispose();
            }
            else
            {
                _groups.Add(new FlatAdamWGroup(group.Key, members));
            }
        }
    }
}
