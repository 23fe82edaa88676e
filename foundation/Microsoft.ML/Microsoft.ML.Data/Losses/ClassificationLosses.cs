using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>The negative logarithm of the probability of the label, the probability being the logistic function of the output.</summary>
public sealed class LogLoss : ISupportSdcaClassificationLoss
{
    /// <summary>Probabilities count as no lower than this, so that the loss stays finite.</summary>
    private const double Floor = 1e-8;

    public LogLoss()
    {
    }

    private static double Probability(double output) => 1 / (1 + Math.Exp(-output));

    public double Loss(float output, float label)
    {
        double p = Probability(output);
        return -Math.Log(Math.Max(label > 0 ? p : 1 - p, Floor));
    }

    public float Derivative(float output, float label) => (float)(Probability(output) - (label > 0 ? 1 : 0));

    public float ComputeDualUpdateInvariant(float scaledFeaturesNormSquared) => 1 / Math.Max(1, 0.25f + scaledFeaturesNormSquared);

    public float DualUpdate(float output, float label, float dual, float invariant, int maxNumThreads)
    {
        float sign = ClassLoss.Sign(label);
        return ClassLoss.Step((float)(Probability(-sign * output) * sign - dual) * invariant, maxNumThreads);
    }

    public double DualLoss(float label, float dual)
    {
        double p = ClassLoss.Directed(label, dual);
        if (!ClassLoss.IsFeasible(p))
            return double.NegativeInfinity;
        return p is 0 or 1 ? 0 : -p * Math.Log(p) - (1 - p) * Math.Log(1 - p);
    }
}

/// <summary>How far the output is from being on its side by the margin.</summary>
public sealed class HingeLoss : ISupportSdcaClassificationLoss
{
    private readonly float _margin;

    public HingeLoss(float margin = 1f) => _margin = margin;

    public double Loss(float output, float label) => Math.Max(0, _margin - ClassLoss.Sign(label) * output);

    public float Derivative(float output, float label)
    {
        float sign = ClassLoss.Sign(label);
        return _margin > sign * output ? -sign : 0;
    }

    public float ComputeDualUpdateInvariant(float scaledFeaturesNormSquared) => 1 / scaledFeaturesNormSquared;

    public float DualUpdate(float output, float label, float alpha, float invariant, int maxNumThreads)
    {
        float sign = ClassLoss.Sign(label);
        float target = Math.Clamp((_margin - output * sign) * invariant + alpha * sign, 0, 1);
        return ClassLoss.Step(sign * target - alpha, maxNumThreads);
    }

    public double DualLoss(float label, float dual)
    {
        double p = ClassLoss.Directed(label, dual);
        return ClassLoss.IsFeasible(p) ? _margin * p : double.NegativeInfinity;
    }
}

/// <summary>The hinge with its corner rounded by a parabola as wide as the constant.</summary>
public sealed class SmoothedHingeLoss : ISupportSdcaClassificationLoss
{
    private readonly float _smooth;

    public SmoothedHingeLoss(float smoothingConstant = 1f)
    {
        Contracts.CheckParam(smoothingConstant >= 0, nameof(smoothingConstant), "Must be non-negative.");
        _smooth = smoothingConstant;
    }

    public double Loss(float output, float label)
    {
        double gap = 1 - ClassLoss.Sign(label) * output;
        return gap < 0 ? 0 : gap < _smooth ? gap * gap / (2 * _smooth) : gap - _smooth / 2;
    }

    public float Derivative(float output, float label)
    {
        float sign = ClassLoss.Sign(label), gap = 1 - sign * output;
        return gap < 0 ? 0 : gap < _smooth ? -sign * gap / _smooth : -sign;
    }

    public float ComputeDualUpdateInvariant(float scaledFeaturesNormSquared) => 1 / (scaledFeaturesNormSquared + _smooth);

    public float DualUpdate(float output, float label, float alpha, float invariant, int maxNumThreads)
    {
        float sign = ClassLoss.Sign(label);
        float target = Math.Clamp((1 - output * sign - _smooth * alpha * sign) * invariant + alpha * sign, 0, 1);
        return ClassLoss.Step(sign * target - alpha, maxNumThreads);
    }

    public double DualLoss(float label, float dual)
    {
        double p = ClassLoss.Directed(label, dual);
        return ClassLoss.IsFeasible(p) ? p * (1 - p * _smooth / 2) : double.NegativeInfinity;
    }
}

/// <summary>exp(−β · label · output), labels being 1 and −1.</summary>
public sealed class ExpLoss : IClassificationLoss
{
    private readonly float _beta;

    public ExpLoss(float beta = 1f) => _beta = beta;

    public double Loss(float output, float label) => Math.Exp(-_beta * ClassLoss.Sign(label) * output);

    public float Derivative(float output, float label)
    {
        float factor = -_beta * ClassLoss.Sign(label);
        return factor * (float)Math.Exp(factor * output);
    }
}
