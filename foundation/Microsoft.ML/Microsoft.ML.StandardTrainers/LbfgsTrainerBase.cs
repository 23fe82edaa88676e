using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers by limited memory quasi-Newton steps.</summary>
public abstract class LbfgsTrainerBase<TOptions, TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
    where TOptions : LbfgsTrainerBase<TOptions, TTransformer, TModel>.OptionsBase, new()
{
    private protected LbfgsTrainerBase(IHost host, SchemaShape.Column feature, SchemaShape.Column label, SchemaShape.Column weight)
        : base(host, feature, label, weight)
    {
    }

    public override TrainerInfo Info { get; } = new(normalization: true, caching: true);

    /// <summary>How the minimum is looked for.</summary>
    public abstract class OptionsBase : TrainerInputBaseWithWeight
    {
        public float L2Regularization = 1;
        public float L1Regularization = 1;
        public float OptimizationTolerance = 1e-7f;
        public int HistorySize = 20;
        public int MaximumNumberOfIterations = int.MaxValue;
        public bool EnforceNonNegativity;

        protected OptionsBase()
        {
        }
    }
}
