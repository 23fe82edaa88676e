namespace Microsoft.ML.Trainers;

/// <summary>
/// The mean loss of linear scores over a training set plus half the L2 weight times the squared weights; both over the sum of the rows' weights.
/// The variables are the biases of all outputs, then the weights of one output after the other. Biases are not penalised.
/// </summary>
internal sealed class LinearObjective(TrainingRows rows, int outputs, double l2, RowLoss loss)
{
    private readonly double _total = rows.WeightSum;

    public int Length => outputs * (rows.Dimension + 1);

    public int Biases => outputs;

    private int WeightsAt(int output) => outputs + output * rows.Dimension;

    public double Evaluate(double[] x, double[] gradient)
    {
        Array.Clear(gradient);
        double sum = 0;
        var scores = new double[outputs];
        for (int row = 0; row < rows.Count; row++)
        {
            var features = rows.Features(row);
            for (int k = 0; k < outputs; k++)
                scores[k] = x[k] + FeatureMath.Dot(x.AsSpan(WeightsAt(k), rows.Dimension), features);
            double weight = rows.Weight(row);
            // From here on the scores are the derivatives of the loss by them.
            sum += weight * loss(rows.Label(row), scores);
            for (int k = 0; k < outputs; k++)
            {
                gradient[k] += weight * scores[k];
                FeatureMath.AddScaled(gradient.AsSpan(WeightsAt(k), rows.Dimension), weight * scores[k], features);
            }
        }
        for (int i = outputs; i < x.Length; i++)
        {
            sum += 0.5 * l2 * x[i] * x[i];
            gradient[i] += l2 * x[i];
        }
        for (int i = 0; i < gradient.Length; i++)
            gradient[i] /= _total;
        return sum / _total;
    }

    /// <summary>The sum of the rows' losses alone, each with its weight.</summary>
    public double LossSum(double[] x)
    {
        double sum = 0;
        var scores = new double[outputs];
        for (int row = 0; row < rows.Count; row++)
        {
            for (int k = 0; k < outputs; k++)
                scores[k] = x[k] + FeatureMath.Dot(x.AsSpan(WeightsAt(k), rows.Dimension), rows.Features(row));
            sum += rows.Weight(row) * loss(rows.Label(row), scores);
        }
        return sum;
    }

    public float[] BiasesOf(double[] x) => FeatureMath.ToSingle(x.AsSpan(0, outputs));

    public float[] WeightsOf(double[] x, int output) => FeatureMath.ToSingle(x.AsSpan(WeightsAt(output), rows.Dimension));
}

/// <summary>The loss of one row's scores; it puts the derivatives in their place.</summary>
internal delegate double RowLoss(float label, Span<double> scores);

/// <summary>The losses of trainers by quasi-Newton steps.</summary>
internal static class RowLosses
{
    /// <summary>Of two classes: −log of the logistic function of the score towards the label.</summary>
    public static double Logistic(float label, Span<double> scores)
    {
        double s = scores[0], target = label > 0 ? 1 : 0;
        double softplus = Math.Max(s, 0) + Math.Log(1 + Math.Exp(-Math.Abs(s)));
        scores[0] = 1 / (1 + Math.Exp(-s)) - target;
        return softplus - target * s;
    }

    /// <summary>Of several classes: −log of the softmax of the scores at the label.</summary>
    public static double Softmax(float label, Span<double> scores)
    {
        double max = double.NegativeInfinity, sum = 0;
        foreach (double s in scores)
            max = Math.Max(max, s);
        double own = scores[(int)label] - max;
        for (int k = 0; k < scores.Length; k++)
            sum += scores[k] = Math.Exp(scores[k] - max);
        for (int k = 0; k < scores.Length; k++)
            scores[k] /= sum;
        scores[(int)label] -= 1;
        return Math.Log(sum) - own;
    }

    /// <summary>Of counts: the negative log likelihood of a mean of exp(score), without the term of the label alone.</summary>
    public static double Poisson(float label, Span<double> scores)
    {
        double s = scores[0], mean = Math.Exp(s);
        scores[0] = mean - label;
        return mean - label * s;
    }
}
