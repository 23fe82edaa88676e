using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>AdamW over one flat buffer: a dozen operators a step, whatever the count of parameters.</summary>
/// <remarks>
/// <para><c>p ← p·(1 − lr·λ); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← p − lr·(m/(1 − β₁ᵗ))/(√(v/(1 − β₂ᵗ)) + ε)</c>.</para>
/// <para>The parameters are made views of the buffer; their gradients are gathered by one concatenation. A parameter without
/// a gradient counts as having gradient 0.</para>
/// <para>Source: Loshchilov and Hutter 2017, arXiv:1711.05101.</para>
/// </remarks>
public sealed class FlatAdamW : IDisposable
{
    private readonly Parameter[] _parameters;
    private readonly long[] _counts;
    private readonly Tensor _values;
    private readonly Tensor _mean;
    private readonly Tensor _square;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly double _decay;
    private long _step;

    /// <summary>Takes over the storage of the parameters, which keep their numbers.</summary>
    /// <param name="parameters">Trainable parameters of type Float32 on one device.</param>
    /// <param name="weightDecay">λ.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="eps">ε.</param>
    public FlatAdamW(
        IEnumerable<Parameter> parameters, double weightDecay = 0, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8)
    {
        _parameters = [.. parameters];
        (_decay, _beta1, _beta2, _eps) = (weightDecay, beta1, beta2, eps);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _counts = [.. _parameters.Select(p => p.numel())];
        _values = cat(_parameters.Select(p => p.detach().reshape(-1)).ToArray()).DetachFromDisposeScope();
        _mean = zeros_like(_values).DetachFromDisposeScope();
        _square = zeros_like(_values).DetachFromDisposeScope();
        long offset = 0;
        for (var k = 0; k < _parameters.Length; k++)
        {
            _parameters[k].set_(_values.narrow(0, offset, _counts[k]).view(_parameters[k].shape));
            offset += _counts[k];
        }
    }

    /// <summary>One step from the gradients that the parameters hold.</summary>
    /// <param name="learningRate">lr.</param>
    /// <param name="maxGradientNorm">Longest gradient, or 0.</param>
    /// <param name="keepGradients">False to clear the gradients; true where a replayed graph writes them to the same place again.</param>
    public void Step(double learningRate, double maxGradientNorm, bool keepGradients = false)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var pieces = new Tensor[_parameters.Length];
        for (var k = 0; k < pieces.Length; k++)
        {
            pieces[k] = _parameters[k].grad is { } grad ? grad.reshape(-1) : zeros([_counts[k]], device: _values.device);
            if (!keepGradients)
            {
                _parameters[k].grad = null;
            }
        }

        var gradient = cat(pieces);
        if (maxGradientNorm > 0)
        {
            gradient.mul_(gradient.norm().add_(1e-6).reciprocal_().mul_(maxGradientNorm).clamp_max_(1));
        }

        _step++;
        if (_decay > 0)
        {
            _values.mul_(1 - (learningRate * _decay));
        }

        _mean.mul_(_beta1).add_(gradient, 1 - _beta1);
        _square.mul_(_beta2).addcmul_(gradient, gradient, 1 - _beta2);
        var denominator = _square.sqrt().div_(Math.Sqrt(1 - Math.Pow(_beta2, _step))).add_(_eps);
        _values.addcdiv_(_mean, denominator, -learningRate / (1 - Math.Pow(_beta1, _step)));
    }

    /// <summary>Frees the optimizer's state; the parameters keep theirs.</summary>
    public void Dispose()
    {
        _values.Dispose();
        _mean.Dispose();
        _square.Dispose();
    }
}
