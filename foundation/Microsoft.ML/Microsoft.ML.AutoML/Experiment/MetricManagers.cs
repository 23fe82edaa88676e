namespace Microsoft.ML.AutoML;

/// <summary>The metric of an experiment.</summary>
public interface IMetricManager
{
    bool IsMaximize { get; }

    string MetricName { get; }
}

/// <summary>A metric that is calculated from scored rows.</summary>
public interface IEvaluateMetricManager : IMetricManager
{
    double Evaluate(MLContext context, IDataView eval);
}

internal sealed class BinaryMetric(BinaryClassificationMetric metric, string label, string predicted) : IEvaluateMetricManager
{
    public bool IsMaximize => true;

    public string MetricName => metric.ToString();

    public double Evaluate(MLContext context, IDataView eval)
    {
        var m = context.BinaryClassification.EvaluateNonCalibrated(eval, label, predictedLabelColumnName: predicted);
        return metric switch
        {
            BinaryClassificationMetric.Accuracy => m.Accuracy,
            BinaryClassificationMetric.AreaUnderRocCurve => m.AreaUnderRocCurve,
            BinaryClassificationMetric.AreaUnderPrecisionRecallCurve => m.AreaUnderPrecisionRecallCurve,
            BinaryClassificationMetric.F1Score => m.F1Score,
            BinaryClassificationMetric.PositivePrecision => m.PositivePrecision,
            BinaryClassificationMetric.PositiveRecall => m.PositiveRecall,
            BinaryClassificationMetric.NegativePrecision => m.NegativePrecision,
            BinaryClassificationMetric.NegativeRecall => m.NegativeRecall,
            _ => throw new NotImplementedException(),
        };
    }
}

internal sealed class MulticlassMetric(MulticlassClassificationMetric metric, string label, string predicted) : IEvaluateMetricManager
{
    // The real library lowers LogLossReduction too, although more of it is better.
    public bool IsMaximize => metric is not (MulticlassClassificationMetric.LogLoss or MulticlassClassificationMetric.LogLossReduction);

    public string MetricName => metric.ToString();

    public double Evaluate(MLContext context, IDataView eval)
    {
        var m = context.MulticlassClassification.Evaluate(eval, label, predictedLabelColumnName: predicted);
        return metric switch
        {
            MulticlassClassificationMetric.MicroAccuracy => m.MicroAccuracy,
            MulticlassClassificationMetric.MacroAccuracy => m.MacroAccuracy,
            MulticlassClassificationMetric.LogLoss => m.LogLoss,
            MulticlassClassificationMetric.LogLossReduction => m.LogLossReduction,
            MulticlassClassificationMetric.TopKAccuracy => m.TopKAccuracy,
            _ => throw new NotImplementedException(),
        };
    }
}

internal sealed class NumberMetric(RegressionMetric metric, string label, string score) : IEvaluateMetricManager
{
    public bool IsMaximize => metric == RegressionMetric.RSquared;

    public string MetricName => metric.ToString();

    public double Evaluate(MLContext context, IDataView eval)
    {
        var m = context.Regression.Evaluate(eval, label, score);
        return metric switch
        {
            RegressionMetric.MeanAbsoluteError => m.MeanAbsoluteError,
            RegressionMetric.MeanSquaredError => m.MeanSquaredError,
            RegressionMetric.RootMeanSquaredError => m.RootMeanSquaredError,
            RegressionMetric.RSquared => m.RSquared,
            _ => throw new NotImplementedException(),
        };
    }
}
