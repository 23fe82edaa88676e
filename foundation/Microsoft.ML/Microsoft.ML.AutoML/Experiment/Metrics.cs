namespace Microsoft.ML.AutoML;

/// <summary>Metrics of two classes.</summary>
public enum BinaryClassificationMetric
{
    Accuracy = 0,
    AreaUnderRocCurve = 1,
    AreaUnderPrecisionRecallCurve = 2,
    F1Score = 3,
    PositivePrecision = 4,
    PositiveRecall = 5,
    NegativePrecision = 6,
    NegativeRecall = 7,
}

/// <summary>Metrics of several classes.</summary>
public enum MulticlassClassificationMetric
{
    MicroAccuracy = 0,
    MacroAccuracy = 1,
    LogLoss = 2,
    LogLossReduction = 3,
    TopKAccuracy = 4,
}

/// <summary>Metrics of numbers.</summary>
public enum RegressionMetric
{
    MeanAbsoluteError = 0,
    MeanSquaredError = 1,
    RootMeanSquaredError = 2,
    RSquared = 3,
}
