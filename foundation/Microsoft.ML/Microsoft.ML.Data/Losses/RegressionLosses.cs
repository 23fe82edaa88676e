namespace Microsoft.ML.Trainers;

/// <summary>The square of the difference.</summary>
public sealed class SquaredLoss : ISupportSdcaRegressionLoss
{
    public SquaredLoss()
    {
    }

    public double Loss(float output, float label)
    {
        double difference = output - label;
        return difference * difference;
    }

    public float Derivative(float output, float label) => 2 * (output - label);

    public float ComputeDualUpdateInvariant(float scaledFeaturesNormSquared) => 1 / (0.5f + scaledFeaturesNormSquared);

    public float DualUpdate(float output, float label, float dual, float invariant, int maxNumThreads)
    {
        float full = (label - output - 0.5f * dual) * invariant;
        return maxNumThreads >= 2 ? full / maxNumThreads : full;
    }

    public double DualLoss(float label, float dual) => dual * (label - dual / 4);
}

/// <summary>exp(output) − label · output: the output is the logarithm of the predicted mean.</summary>
public sealed class PoissonLoss : IRegressionLoss
{
    public PoissonLoss()
    {
    }

    public double Loss(float output, float label) => Math.Exp(output) - label * output;

    public float Derivative(float output, float label) => (float)Math.Exp(output) - label;
}
