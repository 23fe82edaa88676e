namespace Microsoft.ML.Trainers;

/// <summary>What an output costs where the label is another.</summary>
public interface ILossFunction<in TOutput, in TLabel>
{
    double Loss(TOutput output, TLabel label);
}

/// <summary>A loss of one number, with its derivative by the output.</summary>
public interface IScalarLoss : ILossFunction<float, float>
{
    float Derivative(float output, float label);
}

/// <summary>A loss of two classes: labels above 0 are the one, all others the other.</summary>
public interface IClassificationLoss : IScalarLoss
{
}

/// <summary>A loss of numbers.</summary>
public interface IRegressionLoss : IScalarLoss
{
}

/// <summary>A loss that dual coordinate ascent can go down: it knows its conjugate and the step of one dual variable.</summary>
public interface ISupportSdcaLoss : IScalarLoss
{
    float ComputeDualUpdateInvariant(float scaledFeaturesNormSquared);

    float DualUpdate(float output, float label, float dual, float invariant, int maxNumThreads);

    double DualLoss(float label, float dual);
}

/// <summary>Such a loss of two classes.</summary>
public interface ISupportSdcaClassificationLoss : ISupportSdcaLoss, IClassificationLoss
{
}

/// <summary>Such a loss of numbers.</summary>
public interface ISupportSdcaRegressionLoss : ISupportSdcaLoss, IRegressionLoss
{
}

/// <summary>What the losses of two classes share.</summary>
internal static class ClassLoss
{
    public static float Sign(float label) => label > 0 ? 1 : -1;

    /// <summary>A step of several threads at once is shortened where it is long, lest they overshoot together.</summary>
    public static float Step(float full, int threads) => threads >= 2 && Math.Abs(full) > 0.5f ? full / threads : full;

    /// <summary>The dual variable measured towards its label: in [0, 1] where it is feasible.</summary>
    public static double Directed(float label, float dual) => label > 0 ? dual : -dual;

    public static bool IsFeasible(double dual) => dual is >= 0 and <= 1;
}
