using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Linear regression by stochastic dual coordinate ascent.</summary>
public sealed class SdcaRegressionTrainer : SdcaTrainerBase<SdcaRegressionTrainer.Options,
    RegressionPredictionTransformer<LinearRegressionModelParameters>, LinearRegressionModelParameters>
{
    private readonly ISupportSdcaRegressionLoss _loss;

    internal SdcaRegressionTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(SdcaRegressionTrainer), options, TrainerShapes.NumberLabel(options.LabelColumnName)) =>
        _loss = options.LossFunction ?? new SquaredLoss();

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : OptionsBase
    {
        public ISupportSdcaRegressionLoss LossFunction { get; set; }

        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Regression;

    private protected override float DefaultL2(int iterations, int rows) => rows > 10000 ? 1e-4f : rows < 200 ? 1e-2f : 1e-3f;

    private protected override RegressionPredictionTransformer<LinearRegressionModelParameters> Train(IDataView input)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        var (weights, biases) = Ascend(rows, _loss, row => rows.Weight(row), problem => new ScalarDualAscent(rows, problem));
        return new(new LinearRegressionModelParameters(FeatureMath.Compact(weights[0]), biases[0]), input.Schema, FeatureColumn.Name);
    }
}
