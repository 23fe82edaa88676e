using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Experiments and the parts of their pipelines.</summary>
public sealed class AutoCatalog
{
    private readonly MLContext _context;

    internal AutoCatalog(MLContext context) => _context = context;

    public AutoMLExperiment CreateExperiment(AutoMLExperiment.AutoMLExperimentSettings settings = null) =>
        new(_context, settings ?? new AutoMLExperiment.AutoMLExperimentSettings());

    public SweepableEstimator CreateSweepableEstimator<T>(Func<MLContext, T, IEstimator<ITransformer>> factory, SearchSpace.SearchSpace<T> ss = null)
        where T : class, new() => new((context, parameter) => factory(context, parameter.AsType<T>()), ss);
}

/// <summary>The way from a context to AutoML.</summary>
public static class MLContextExtension
{
    public static AutoCatalog Auto(this MLContext mlContext)
    {
        Contracts.CheckValue(mlContext, nameof(mlContext));
        return new AutoCatalog(mlContext);
    }
}
