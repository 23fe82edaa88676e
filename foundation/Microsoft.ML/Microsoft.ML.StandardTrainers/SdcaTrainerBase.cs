using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers that see the rows in random order.</summary>
public abstract class StochasticTrainerBase<TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
{
    private protected StochasticTrainerBase(IHost host, SchemaShape.Column feature, SchemaShape.Column label, SchemaShape.Column weight)
        : base(host, feature, label, weight)
    {
    }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);
}

/// <summary>Base of trainers by stochastic dual coordinate ascent.</summary>
public abstract class SdcaTrainerBase<TOptions, TTransformer, TModel> : StochasticTrainerBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
    where TOptions : SdcaTrainerBase<TOptions, TTransformer, TModel>.OptionsBase, new()
{
    private protected SdcaTrainerBase(IHost host, SchemaShape.Column feature, SchemaShape.Column label, SchemaShape.Column weight)
        : base(host, feature, label, weight)
    {
    }

    /// <summary>How dual coordinate ascent goes on.</summary>
    public abstract class OptionsBase : TrainerInputBaseWithWeight
    {
        public float? L2Regularization;
        public float? L1Regularization;
        public int? NumberOfThreads;
        public float ConvergenceTolerance = 0.1f;
        public int? MaximumNumberOfIterations;
        public bool Shuffle = true;
        public int? ConvergenceCheckFrequency;
        public float BiasLearningRate;

        private protected OptionsBase()
        {
        }
    }
}

/// <summary>Base of such trainers for several classes.</summary>
public abstract class SdcaMulticlassTrainerBase<TModel>
    : SdcaTrainerBase<SdcaMulticlassTrainerBase<TModel>.MulticlassOptions, MulticlassPredictionTransformer<TModel>, TModel> where TModel : class
{
    private protected SdcaMulticlassTrainerBase(IHost host, MulticlassOptions options)
        : base(host, MulticlassShapes.Features(options.FeatureColumnName), MulticlassShapes.Label(options.LabelColumnName),
            MulticlassShapes.Weight(options.ExampleWeightColumnName))
    {
    }

    /// <summary>Options of trainers for several classes.</summary>
    public class MulticlassOptions : OptionsBase
    {
        public MulticlassOptions()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => MulticlassShapes.Outputs(inputSchema, LabelColumn.Name);
}
