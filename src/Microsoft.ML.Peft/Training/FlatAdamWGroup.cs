using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>Parameters of <see cref="FlatAdamW"/> that are stepped together, as views of one buffer.</summary>
internal sealed class FlatAdamWGroup : IDisposable
{
    private readonly long[] _counts;
    private readonly long[] _steps; // of each parameter: those that came later have fewer
    private readonly Tensor _values;
    private readonly Tensor _mean;
    private readonly Tensor _square;
    private readonly Tensor? _ages; // steps of each number, or null where all have as many

    public FlatAdamWGroup(OptimizerGroup group, Parameter[] parameters)
        : this(group, parameters, null, null, new long[parameters.Length], 1)
    {
    }

    private FlatAdamWGroup(OptimizerGroup group, Parameter[] parameters, Tensor? mean, Tensor? square, long[] steps, int arrivals)
    {
        (Group, Parameters, Arrivals, _steps) = (group, parameters, arrivals, steps);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _counts = [.. parameters.Select(p => p.numel())];
        _values = cat(parameters.Select(p => p.detach().reshape(-1)).ToArray()).DetachFromDisposeScope();
        _mean = (mean ?? zeros_like(_values)).DetachFromDisposeScope();
        _square = (square ?? zeros_like(_values)).DetachFromDisposeScope();
        if (steps.Distinct().Skip(1).Any())
        {
            _ages = cat(_counts.Select((count, k) => full([count], steps[k], ScalarType.Float32, _values.device)).ToArray()).DetachFromDisposeScope();
        }

        long offset = 0;
        for (var k = 0; k < parameters.Length; k++)
        {
            parameters[k].set_(_values.narrow(0, offset, _counts[k]).view(parameters[k].shape));
            offset += _counts[k];
        }
    }

    /// <summary>How many times parameters came: each time is a group of the optimizer, whatever is stepped together.</summary>
    public int Arrivals { get; }

    public OptimizerGroup Group { get; }

    public Parameter[] Parameters { get; }

    /// <summary>The gradients end to end, or null where no parameter has one.</summary>
    public Tensor? Gradient(bool keep)
    {
        var pieces = new Tensor[Parameters.Length];
        var found = false;
        for (var k = 0; k < pieces.Length; k++)
        {
            var gradient = Parameters[k].grad;
            found |= gradient is not null;
            pieces[k] = gradient is not null ? gradient.reshape(-1) : zeros([_counts[k]], device: _values.device);
        }

        if (!keep)
        {
            ClearGradients();
        }

        return found ? cat(pieces) : null;
    }

    public void ClearGradients()
    {
        foreach (var parameter in Parameters)
        {
            parameter.grad = null;
        }
    }

    public void Step(Tensor gradient, double learningRate, double decay, double beta1, double beta2, double eps)
    {
        for (var k = 0; k < _steps.Length; k++)
        {
            _steps[k]++;
        }

        decay = Group.WeightDecay ?? decay;
        if (decay > 0 && Group.Decays)
        {
            _values.mul_(1 - (learningRate * decay));
        }

        _mean.mul_(beta1).add_(gradient, 1 - beta1);
        _square.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
        if (_ages is null)
        {
            var denominator = _square.sqrt().div_(Math.Sqrt(1 - Math.Pow(beta2, _steps[0]))).add_(eps);
            _values.addcdiv_(_mean, denominator, -learningRate / (1 - Math.Pow(beta1, _steps[0])));
            return;
        }

        _ages.add_(1);
        _values.addcdiv_(_mean / Correction(beta1), _square.div(Correction(beta2)).sqrt_().add_(eps), -learningRate);

        Tensor Correction(double beta) => _ages.mul(Math.Log(beta)).expm1_().neg_(); // 1 − βᵗ
    }

    /// <summary>Multiplies the moments of a parameter, if it is in the group.</summary>
    public void Forget(Parameter parameter, Tensor kept)
    {
        if (Array.FindIndex(Parameters, other => ReferenceEquals(other, parameter)) is var place and >= 0)
        {
            using var scope = NewDisposeScope();
            var start = _counts.Take(place).Sum();
            foreach (var moments in new[] { _mean, _square })
            {
                moments.narrow(0, start, _counts[place]).view(parameter.shape).mul_(kept);
            }
        }
    }

    /// <summary>This group with more parameters, which have no moments yet; this one is not to be used any more.</summary>
    public FlatAdamWGroup With(Parameter[] more)
    {
        using var scope = NewDisposeScope();
        var fresh = zeros(more.Sum(p => p.numel()), device: _values.device);
        return new(Group, [.. Parameters, .. more], cat([_mean, fresh]), cat([_square, fresh]), [.. _steps, .. new long[more.Length]], Arrivals + 1);
    }

    /// <summary>This group with the moments of those of its parameters that are in a set: itself where all are, null where none is.</summary>
    public FlatAdamWGroup? Without(HashSet<object?> kept)
    {
        var places = Enumerable.Range(0, Parameters.Length).Where(k => kept.Contains(Parameters[k])).ToArray();
        if (places.Length == Parameters.Length)
        {
            return this;
        }

        if (places.Length == 0)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var starts = new long[_counts.Length];
        for (var k = 1; k < starts.Length; k++)
        {
            starts[k] = starts[k - 1] + _counts[k - 1];
        }

        Tensor Of(Tensor whole) => cat(places.Select(k => whole.narrow(0, starts[k], _counts[k])).ToArray()).DetachFromDisposeScope();
        return new FlatAdamWGroup(Group, [.. places.Select(k => Parameters[k])], Of(_mean), Of(_square), [.. places.Select(k => _steps[k])], Arrivals);
    }

    public void Dispose()
    {
        _values.Dispose();
        _mean.Dispose();
        _square.Dispose();
        _ages?.Dispose();
    }
}
