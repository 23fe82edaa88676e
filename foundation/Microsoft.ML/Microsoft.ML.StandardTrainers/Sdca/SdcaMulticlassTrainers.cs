using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of such trainers for several classes: the loss is that of the label's score minus each other one.</summary>
public abstract class SdcaMulticlassTrainerBase<TModel>
    : SdcaTrainerBase<SdcaMulticlassTrainerBase<TModel>.MulticlassOptions, MulticlassPredictionTransformer<TModel>, TModel> where TModel : class
{
    private readonly ISupportSdcaClassificationLoss _loss;

    private protected SdcaMulticlassTrainerBase(IHostEnvironment env, string name, MulticlassOptions options, ISupportSdcaClassificationLoss loss)
        : base(env, name, options, TrainerShapes.ClassLabel(options.LabelColumnName)) => _loss = loss;

    /// <summary>Options of trainers for several classes.</summary>
    public class MulticlassOptions : OptionsBase
    {
        public MulticlassOptions()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => TrainerShapes.Multiclass(inputSchema, LabelColumn.Name);

    private protected abstract TModel MakeModel(VBuffer<float>[] weights, float[] biases);

    private protected override MulticlassPredictionTransformer<TModel> Train(IDataView input)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        Contracts.CheckParam(rows.Classes >= 2, nameof(input), $"Label column '{LabelColumn.Name}' has {rows.Classes} classes; at least 2 are needed");
        var (weights, biases) = Ascend(rows, _loss, row => rows.Weight(row), problem => new MulticlassDualAscent(rows, problem));
        return new(MakeModel(weights.Select(FeatureMath.Compact).ToArray(), biases), input.Schema, FeatureColumn.Name, LabelColumn.Name);
    }
}

/// <summary>Maximum entropy classification by stochastic dual coordinate ascent: scores are probabilities.</summary>
public sealed class SdcaMaximumEntropyMulticlassTrainer : SdcaMulticlassTrainerBase<MaximumEntropyModelParameters>
{
    internal SdcaMaximumEntropyMulticlassTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(SdcaMaximumEntropyMulticlassTrainer), options, new LogLoss())
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : MulticlassOptions
    {
        public Options()
        {
        }
    }

    private protected override MaximumEntropyModelParameters MakeModel(VBuffer<float>[] weights, float[] biases) => new(weights, biases);
}

/// <summary>A linear model of several classes with any loss that has a dual, by stochastic dual coordinate ascent.</summary>
public sealed class SdcaNonCalibratedMulticlassTrainer : SdcaMulticlassTrainerBase<LinearMulticlassModelParameters>
{
    internal SdcaNonCalibratedMulticlassTrainer(IHostEnvironment env, Options options)
        : base(env, nameof(SdcaNonCalibratedMulticlassTrainer), options, options.Loss ?? new LogLoss())
    {
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : MulticlassOptions
    {
        public ISupportSdcaClassificationLoss Loss { get; set; }

        public Options()
        {
        }
    }

    private protected override LinearMulticlassModelParameters MakeModel(VBuffer<float>[] weights, float[] biases) => new(weights, biases);
}
