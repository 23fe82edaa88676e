using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Base of the catalogs of tasks.</summary>
public abstract class TrainCatalogBase
{
    private protected TrainCatalogBase(IHostEnvironment env)
    {
        Contracts.CheckValue(env, nameof(env));
        Root = env;
    }

    private protected IHostEnvironment Root { get; }

    /// <summary>Base of the catalogs of a task's trainers.</summary>
    public abstract class CatalogInstantiatorBase
    {
        private protected CatalogInstantiatorBase(TrainCatalogBase owner) => Environment = owner.Root;

        internal IHostEnvironment Environment { get; }
    }

    /// <summary>What came out of one fold.</summary>
    public sealed class CrossValidationResult<T> where T : class
    {
        public readonly T Metrics;
        public readonly ITransformer Model;
        public readonly IDataView ScoredHoldOutSet;
        public readonly int Fold;

        internal CrossValidationResult(ITransformer model, T metrics, IDataView scores, int fold)
        {
            Model = model;
            Metrics = metrics;
            ScoredHoldOutSet = scores;
            Fold = fold;
        }
    }

    private protected CrossValidationResult<T>[] CrossValidateCore<T>(IDataView data, IEstimator<ITransformer> estimator, int numberOfFolds,
        string samplingKeyColumn, int? seed, Func<IDataView, T> evaluate) where T : class
    {
        Contracts.CheckValue(data, nameof(data));
        Contracts.CheckValue(estimator, nameof(estimator));
        Contracts.CheckParam(numberOfFolds > 1, nameof(numberOfFolds), "Must be more than 1");
        var split = RowSplit.Create(Root, data, samplingKeyColumn, seed, fallBackToContext: true);
        return split.Folds(numberOfFolds).Select((fold, i) =>
        {
            var model = estimator.Fit(fold.TrainSet);
            var scores = model.Transform(fold.TestSet);
            return new CrossValidationResult<T>(model, evaluate(scores), scores, i);
        }).ToArray();
    }
}
