using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Linear regression by stochastic gradient descent with averaged weights.</summary>
public sealed class OnlineGradientDescentTrainer
    : AveragedLinearTrainer<RegressionPredictionTransformer<LinearRegressionModelParameters>, LinearRegressionModelParameters>
{
    internal OnlineGradientDescentTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(OnlineGradientDescentTrainer), options, TrainerShapes.NumberLabel(options.LabelColumnName))
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : AveragedLinearOptions
    {
        public IRegressionLoss LossFunction { get; set; }

        internal override IScalarLoss Loss => LossFunction ?? new SquaredLoss();

        public Options()
        {
            LearningRate = 0.1f;
            DecreaseLearningRate = true;
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Regression;

    private protected override RegressionPredictionTransformer<LinearRegressionModelParameters> Train(IDataView input, LinearModelParameters start)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, null);
        var (weights, bias) = Learn(rows, start);
        return new(new LinearRegressionModelParameters(new VBuffer<float>(weights.Length, weights), bias), input.Schema, FeatureColumn.Name);
    }
}

/// <summary>A linear model of two classes by the perceptron rule, or another loss, with averaged weights.</summary>
public sealed class AveragedPerceptronTrainer : AveragedLinearTrainer<BinaryPredictionTransformer<LinearBinaryModelParameters>, LinearBinaryModelParameters>
{
    internal AveragedPerceptronTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(AveragedPerceptronTrainer), options, TrainerShapes.BooleanLabel(options.LabelColumnName))
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : AveragedLinearOptions
    {
        public IClassificationLoss LossFunction { get; set; }

        internal override IScalarLoss Loss => LossFunction ?? new HingeLoss();

        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Binary;

    private protected override BinaryPredictionTransformer<LinearBinaryModelParameters> Train(IDataView input, LinearModelParameters start)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, null);
        var (weights, bias) = Learn(rows, start);
        return new(new LinearBinaryModelParameters(new VBuffer<float>(weights.Length, weights), bias), input.Schema, FeatureColumn.Name);
    }
}
