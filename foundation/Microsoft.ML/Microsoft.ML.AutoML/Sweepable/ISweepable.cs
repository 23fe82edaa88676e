namespace Microsoft.ML.AutoML;

/// <summary>Something with a space of settings.</summary>
public interface ISweepable
{
    SearchSpace.SearchSpace SearchSpace { get; }
}

/// <summary>Something that is built from a point of its space.</summary>
public interface ISweepable<out T> : ISweepable where T : IEstimator<ITransformer>
{
    T BuildFromOption(MLContext context, SearchSpace.Parameter parameter);
}
