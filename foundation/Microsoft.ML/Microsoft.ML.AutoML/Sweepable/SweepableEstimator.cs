using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>An estimator that is built from a point of a space of settings.</summary>
public class SweepableEstimator : Estimator, ISweepable<IEstimator<ITransformer>>
{
    private readonly Func<MLContext, SearchSpace.Parameter, IEstimator<ITransformer>> _factory;

    public SweepableEstimator(Func<MLContext, SearchSpace.Parameter, IEstimator<ITransformer>> factory, SearchSpace.SearchSpace ss)
    {
        Contracts.CheckValue(ss, nameof(ss));
        _factory = factory;
        SearchSpace = ss;
        Parameter = ss.SampleFromFeatureSpace(ss.Default);
    }

    protected SweepableEstimator()
    {
    }

    public SearchSpace.SearchSpace SearchSpace { get; set; }

    public virtual IEstimator<ITransformer> BuildFromOption(MLContext context, SearchSpace.Parameter param) => _factory(context, param);

    /// <summary>A fixed estimator as one without settings.</summary>
    internal static SweepableEstimator Fixed(IEstimator<ITransformer> estimator) => new((_, _) => estimator, new SearchSpace.SearchSpace());
}
