namespace Microsoft.ML.AutoML;

/// <summary>Pipelines out of fixed and sweepable steps.</summary>
public static class SweepableExtension
{
    public static SweepablePipeline Append(this IEstimator<ITransformer> estimator, SweepableEstimator estimator1) =>
        From(SweepableEstimator.Fixed(estimator)).Append(estimator1);

    public static SweepablePipeline Append(this SweepablePipeline pipeline, IEstimator<ITransformer> estimator) =>
        pipeline.Append(SweepableEstimator.Fixed(estimator));

    public static SweepablePipeline Append(this SweepableEstimator estimator, SweepablePipeline estimator1) => From(estimator).Append(estimator1);

    public static SweepablePipeline Append(this SweepableEstimator estimator, IEstimator<ITransformer> estimator1) => From(estimator).Append(estimator1);

    public static SweepablePipeline Append(this IEstimator<ITransformer> estimator, SweepablePipeline pipeline) =>
        From(SweepableEstimator.Fixed(estimator)).Append(pipeline);

    public static SweepablePipeline Append(this SweepableEstimator estimator, params SweepableEstimator[] estimators) => From(estimator).Append(estimators);

    public static SweepablePipeline Append(this IEstimator<ITransformer> estimator, params SweepableEstimator[] estimators) =>
        From(SweepableEstimator.Fixed(estimator)).Append(estimators);

    private static SweepablePipeline From(SweepableEstimator first) => new SweepablePipeline().Append([first]);
}
