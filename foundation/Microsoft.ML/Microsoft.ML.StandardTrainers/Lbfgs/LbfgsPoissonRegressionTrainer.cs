using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Poisson regression by L-BFGS: labels are counts or other numbers of at least zero.</summary>
public sealed class LbfgsPoissonRegressionTrainer : LbfgsTrainerBase<LbfgsPoissonRegressionTrainer.Options,
    RegressionPredictionTransformer<PoissonRegressionModelParameters>, PoissonRegressionModelParameters>
{
    internal LbfgsPoissonRegressionTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(LbfgsPoissonRegressionTrainer), options, TrainerShapes.NumberLabel(options.LabelColumnName))
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : OptionsBase
    {
        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Regression;

    public RegressionPredictionTransformer<PoissonRegressionModelParameters> Fit(IDataView trainData, LinearModelParameters linearModel) =>
        FitFrom(trainData, data => Train(data, linearModel is null ? null : VariablesOf(linearModel)));

    private protected override RegressionPredictionTransformer<PoissonRegressionModelParameters> Train(IDataView input) => Train(input, null);

    private RegressionPredictionTransformer<PoissonRegressionModelParameters> Train(IDataView input, double[] start)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        for (int i = 0; i < rows.Count; i++)
        {
            if (!(rows.Label(i) >= 0))
                throw Contracts.Except($"Poisson regression must regress to a non-negative label, but label {rows.Label(i)} encountered");
        }
        var objective = new LinearObjective(rows, 1, LbfgsOptions.L2Regularization, RowLosses.Poisson);
        var x = Minimize(objective, rows, start);
        var weights = objective.WeightsOf(x, 0);
        return new(new PoissonRegressionModelParameters(new VBuffer<float>(weights.Length, weights), objective.BiasesOf(x)[0]), input.Schema, FeatureColumn.Name);
    }
}
