using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>
/// Weights that every row moves against the gradient of its loss, and the mean of all that were met. Lazily, the weights are added to the
/// mean only when enough has changed: rows without loss cost nothing then.
/// </summary>
internal sealed class AveragedDescent(AveragedLinearOptions options, IScalarLoss loss, int dimension)
{
    /// <summary>How much of the change so far may be pending before the mean is brought up to date.</summary>
    private const double LazyTolerance = 0.01;

    private const double LargestGain = 1000;
    private const double GainScale = 1e-6;

    private readonly double[] _totals = new double[dimension];
    private double[] _weights = new double[dimension];
    private double _bias;
    private double _totalBias;
    private double _updates;
    private double _gain = 1;
    private long _pending;
    private long _examples;
    private double _changed;
    private double _pendingChange;

    public void Start(double[] weights, double bias)
    {
        Contracts.Check(weights.Length == dimension, "The input training data must have the same features used to train the input predictor.");
        _weights = weights;
        _bias = bias;
        if (options.Averaged)
            weights.CopyTo(_totals, 0);
    }

    public void BeginPass() => _examples = 0;

    public void Step(in VBuffer<float> features, float label)
    {
        _examples++;
        float output = (float)(_bias + FeatureMath.Dot(_weights, features));
        if (loss.Loss(output, label) != 0 || options.L2Regularization > 0)
        {
            if (options.LazyUpdate && options.Averaged && _pending > 0 && _changed * LazyTolerance <= _pendingChange)
                AddPending();
            double rate = options.LearningRate;
            if (options.DecreaseLearningRate)
                rate /= Math.Sqrt(_updates + _pending + 1);
            double change = -rate * loss.Derivative(output, label);
            FeatureMath.AddScaled(_weights, change, features);
            double shrink = 1 - 2 * options.L2Regularization;
            if (shrink != 1)
            {
                for (int i = 0; i < dimension; i++)
                    _weights[i] *= shrink;
            }
            _bias += change;
            _pendingChange += Math.Abs(change);
        }
        if (!options.Averaged)
            return;
        if (options.LazyUpdate)
            _pending++;
        else
            AddNow();
        if (options.ResetWeightsAfterXExamples is { } every && _examples % every == 0)
            Reset();
    }

    public void EndPass()
    {
        if (!options.Averaged)
            return;
        if (options.LazyUpdate && _pending > 0)
            AddPending();
        if (options.ResetWeightsAfterXExamples == 0)
            Reset();
    }

    private void AddPending()
    {
        Add(_pending);
        _updates += _pending;
        _pending = 0;
        _changed += _pendingChange;
        _pendingChange = 0;
    }

    private void AddNow()
    {
        Add(_gain);
        _updates += _gain;
        if (options.RecencyGain == 0)
            return;
        _gain = options.RecencyGainMultiplicative ? _gain * options.RecencyGain : _gain + options.RecencyGain;
        if (_gain <= LargestGain)
            return;
        // Only the ratios count.
        _gain *= GainScale;
        _totalBias *= GainScale;
        _updates *= GainScale;
        for (int i = 0; i < dimension; i++)
            _totals[i] *= GainScale;
    }

    private void Add(double factor)
    {
        for (int i = 0; i < dimension; i++)
            _totals[i] += factor * _weights[i];
        _totalBias += factor * _bias;
    }

    private void Reset()
    {
        for (int i = 0; i < dimension; i++)
            _weights[i] = _totals[i] / _updates;
        _bias = _totalBias / _updates;
    }

    public (float[] Weights, float Bias) Result() => options.Averaged
        ? (_totals.Select(t => (float)(t / _updates)).ToArray(), (float)(_totalBias / _updates))
        : (FeatureMath.ToSingle(_weights), (float)_bias);
}
