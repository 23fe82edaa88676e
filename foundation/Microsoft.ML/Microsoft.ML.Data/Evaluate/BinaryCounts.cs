namespace Microsoft.ML.Data;

/// <summary>Counts of a two class evaluation.</summary>
internal sealed class BinaryCounts
{
    private double _truePositive, _trueNegative, _falsePositive, _falseNegative;
    private double _lossPositives, _lossNegatives, _logLoss;

    public void Add(float score, float probability, bool positive, float threshold)
    {
        bool predicted = score > threshold;
        if (positive && predicted)
            _truePositive++;
        else if (positive)
            _falseNegative++;
        else if (predicted)
            _falsePositive++;
        else
            _trueNegative++;
        if (!float.IsNaN(probability))
        {
            if (positive)
                _lossPositives++;
            else
                _lossNegatives++;
        }
        _logLoss += float.IsNaN(probability) ? double.NaN : positive ? -Math.Log(probability, 2) : -Math.Log(1.0 - probability, 2);
    }

    private double All => _truePositive + _trueNegative + _falseNegative + _falsePositive;

    public double Accuracy => (_trueNegative + _truePositive) / All;

    public double PositiveRecall => Share(_truePositive, _falseNegative);

    public double PositivePrecision => Share(_truePositive, _falsePositive);

    public double NegativeRecall => Share(_trueNegative, _falsePositive);

    public double NegativePrecision => Share(_trueNegative, _falseNegative);

    public double F1 => PositivePrecision + PositiveRecall == 0 ? 0 : 2 * PositivePrecision * PositiveRecall / (PositivePrecision + PositiveRecall);

    public double Entropy => EntropyOf((_truePositive + _falseNegative) / All);

    private double Weighed => _lossPositives + _lossNegatives;

    public double LogLoss => double.IsNaN(_logLoss) ? double.NaN : Weighed > 0 ? _logLoss / Weighed : 0;

    public double LogLossReduction
    {
        get
        {
            if (Weighed == 0)
                return 0;
            double prior = EntropyOf(_lossPositives / Weighed);
            return (prior - _logLoss / Weighed) / prior;
        }
    }

    public double[][] Table => [[_truePositive, _falseNegative], [_falsePositive, _trueNegative]];

    private static double Share(double part, double rest) => part + rest > 0 ? part / (part + rest) : 0;

    /// <summary>The entropy in bits of a coin.</summary>
    private static double EntropyOf(double p) => p is 0 or 1 ? 0 : -p * Math.Log(p, 2) - (1 - p) * Math.Log(1 - p, 2);
}
