using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Logistic regression by L-BFGS, with weights of zero where the L1 term says so.</summary>
public sealed class LbfgsLogisticRegressionBinaryTrainer : LbfgsTrainerBase<LbfgsLogisticRegressionBinaryTrainer.Options,
    BinaryPredictionTransformer<CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>>,
    CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>>
{
    internal LbfgsLogisticRegressionBinaryTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(LbfgsLogisticRegressionBinaryTrainer), options, TrainerShapes.BooleanLabel(options.LabelColumnName))
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : OptionsBase
    {
        public bool ShowTrainingStatistics;

        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.CalibratedBinary;

    public BinaryPredictionTransformer<CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>> Fit(IDataView trainData,
        LinearModelParameters modelParameters) => FitFrom(trainData, data => Train(data, modelParameters is null ? null : VariablesOf(modelParameters)));

    private protected override BinaryPredictionTransformer<CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>> Train(IDataView input) =>
        Train(input, null);

    private BinaryPredictionTransformer<CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>> Train(IDataView input, double[] start)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        var objective = new LinearObjective(rows, 1, LbfgsOptions.L2Regularization, RowLosses.Logistic);
        var x = Minimize(objective, rows, start);
        ModelStatisticsBase statistics = null;
        if (LbfgsOptions.ShowTrainingStatistics)
        {
            double positive = Enumerable.Range(0, rows.Count).Sum(i => rows.Label(i) > 0 ? (double)rows.Weight(i) : 0);
            statistics = Statistics(objective, rows, x, [positive, rows.WeightSum - positive]);
        }
        var weights = objective.WeightsOf(x, 0);
        var model = new LinearBinaryModelParameters(new VBuffer<float>(weights.Length, weights), objective.BiasesOf(x)[0], statistics);
        // The score is the log odds already.
        return new(new ParameterMixingCalibratedModelParameters<LinearBinaryModelParameters, PlattCalibrator>(model, new PlattCalibrator(-1, 0)),
            input.Schema, FeatureColumn.Name);
    }
}
