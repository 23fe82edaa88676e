using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of such trainers for two classes.</summary>
public abstract class SdcaBinaryTrainerBase<TModelParameters>
    : SdcaTrainerBase<SdcaBinaryTrainerBase<TModelParameters>.BinaryOptionsBase, BinaryPredictionTransformer<TModelParameters>, TModelParameters>
    where TModelParameters : class
{
    private readonly ISupportSdcaClassificationLoss _loss;
    private readonly float _positiveWeight;

    private protected SdcaBinaryTrainerBase(IHostEnvironment env, string name, BinaryOptionsBase options, ISupportSdcaClassificationLoss loss)
        : base(env, name, options, TrainerShapes.BooleanLabel(options.LabelColumnName))
    {
        Contracts.CheckParam(options.PositiveInstanceWeight > 0, nameof(options.PositiveInstanceWeight), "Weight for positive instances must be positive");
        _loss = loss;
        _positiveWeight = options.PositiveInstanceWeight;
    }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);

    /// <summary>Options of trainers for two classes.</summary>
    public class BinaryOptionsBase : OptionsBase
    {
        public float PositiveInstanceWeight = 1;

        public BinaryOptionsBase()
        {
        }
    }

    private protected abstract TModelParameters MakeModel(LinearBinaryModelParameters linear);

    private protected override BinaryPredictionTransformer<TModelParameters> Train(IDataView input)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        var (weights, biases) = Ascend(rows, _loss, row => rows.Label(row) > 0 ? rows.Weight(row) * _positiveWeight : rows.Weight(row),
            problem => new ScalarDualAscent(rows, problem));
        return new(MakeModel(new LinearBinaryModelParameters(FeatureMath.Compact(weights[0]), biases[0])), input.Schema, FeatureColumn.Name);
    }
}

/// <summary>Logistic regression by stochastic dual coordinate ascent.</summary>
public sealed class SdcaLogisticRegressionBinaryTrainer : SdcaBinaryTrainerBase<CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator>>
{
    internal SdcaLogisticRegressionBinaryTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(SdcaLogisticRegressionBinaryTrainer), options, new LogLoss())
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : BinaryOptionsBase
    {
        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.CalibratedBinary;

    /// <summary>The score is the log odds already, so the calibrator is known.</summary>
    private protected override CalibratedModelParametersBase<LinearBinaryModelParameters, PlattCalibrator> MakeModel(LinearBinaryModelParameters linear) =>
        new ParameterMixingCalibratedModelParameters<LinearBinaryModelParameters, PlattCalibrator>(linear, new PlattCalibrator(-1, 0));
}

/// <summary>A linear model of two classes with any loss that has a dual, by stochastic dual coordinate ascent.</summary>
public sealed class SdcaNonCalibratedBinaryTrainer : SdcaBinaryTrainerBase<LinearBinaryModelParameters>
{
    internal SdcaNonCalibratedBinaryTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(SdcaNonCalibratedBinaryTrainer), options, options.LossFunction ?? new LogLoss())
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : BinaryOptionsBase
    {
        public ISupportSdcaClassificationLoss LossFunction { get; set; }

        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Binary;

    private protected override LinearBinaryModelParameters MakeModel(LinearBinaryModelParameters linear) => linear;
}
