using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Estimators fitted one after the other, each on what those before it give.</summary>
public sealed class EstimatorChain<TLastTransformer> : IEstimator<TransformerChain<TLastTransformer>> where TLastTransformer : class, ITransformer
{
    private readonly IHostEnvironment _cacheEnvironment;
    private readonly IEstimator<ITransformer>[] _estimators;
    private readonly TransformerScope[] _scopes;
    private readonly bool[] _cacheBefore;

    public readonly IEstimator<TLastTransformer> LastEstimator;

    public EstimatorChain() : this(null, [], [], [false])
    {
    }

    /// <summary>There is one place for a cache before each estimator and one behind the last.</summary>
    private EstimatorChain(IHostEnvironment env, IEstimator<ITransformer>[] estimators, TransformerScope[] scopes, bool[] cacheBefore)
    {
        _cacheEnvironment = env;
        _estimators = estimators;
        _scopes = scopes;
        _cacheBefore = cacheBefore;
        LastEstimator = estimators.LastOrDefault() as IEstimator<TLastTransformer>;
    }

    public TransformerChain<TLastTransformer> Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        // Before anything is trained: do the columns fit?
        GetOutputSchema(SchemaShape.Create(input.Schema));
        var view = input;
        var steps = new ITransformer[_estimators.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            if (_cacheBefore[i])
                view = new CachedView(view);
            steps[i] = _estimators[i].Fit(view);
            view = steps[i].Transform(view);
        }
        return new TransformerChain<TLastTransformer>(steps, _scopes);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        foreach (var estimator in _estimators)
            inputSchema = estimator.GetOutputSchema(inputSchema);
        return inputSchema;
    }

    public EstimatorChain<TNewTrans> Append<TNewTrans>(IEstimator<TNewTrans> estimator, TransformerScope scope = TransformerScope.Everything)
        where TNewTrans : class, ITransformer
    {
        Contracts.CheckValue(estimator, nameof(estimator));
        return new EstimatorChain<TNewTrans>(_cacheEnvironment, [.. _estimators, estimator], [.. _scopes, scope], [.. _cacheBefore, false]);
    }

    public EstimatorChain<TLastTransformer> AppendCacheCheckpoint(IHostEnvironment env)
    {
        Contracts.CheckValue(env, nameof(env));
        return _cacheBefore[^1] ? this : new EstimatorChain<TLastTransformer>(env, _estimators, _scopes, [.. _cacheBefore[..^1], true]);
    }
}
