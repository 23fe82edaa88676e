using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Runtime;
using Microsoft.ML.SearchSpace.Option;
using static Microsoft.ML.DataOperationsCatalog;

namespace Microsoft.ML.AutoML;

/// <summary>Data, metric, pipeline, tuner and checkpoint of an experiment.</summary>
public static class AutoMLExperimentExtension
{
    public static AutoMLExperiment SetDataset(this AutoMLExperiment experiment, IDataView train, IDataView validation, bool subSamplingTrainDataset = false)
    {
        if (subSamplingTrainDataset)
        {
            experiment.AddSearchSpace(nameof(TrainValidateDatasetManager),
                new SearchSpace.SearchSpace { [TrainValidateDatasetManager.ShareName] = new UniformSingleOption(0, 1, false, 0.1f) });
        }
        return experiment.With(s => s.AddSingleton<IDatasetManager>(new TrainValidateDatasetManager(train, validation)));
    }

    public static AutoMLExperiment SetDataset(this AutoMLExperiment experiment, TrainTestData trainValidationSplit) =>
        experiment.SetDataset(trainValidationSplit.TrainSet, trainValidationSplit.TestSet);

    public static AutoMLExperiment SetDataset(this AutoMLExperiment experiment, IDataView dataset, int fold = 10, string samplingKeyColumnName = null) =>
        experiment.With(s => s.AddSingleton<IDatasetManager>(
            new CrossValidateDatasetManager { Dataset = dataset, Fold = fold, SamplingKeyColumnName = samplingKeyColumnName }));

    public static AutoMLExperiment SetBinaryClassificationMetric(this AutoMLExperiment experiment, BinaryClassificationMetric metric, string labelColumn = "label", string predictedColumn = "PredictedLabel") =>
        experiment.SetMetric(new BinaryMetric(metric, labelColumn, predictedColumn));

    public static AutoMLExperiment SetMulticlassClassificationMetric(this AutoMLExperiment experiment, MulticlassClassificationMetric metric, string labelColumn = "label", string predictedColumn = "PredictedLabel") =>
        experiment.SetMetric(new MulticlassMetric(metric, labelColumn, predictedColumn));

    public static AutoMLExperiment SetRegressionMetric(this AutoMLExperiment experiment, RegressionMetric metric, string labelColumn = "Label", string scoreColumn = "Score") =>
        experiment.SetMetric(new NumberMetric(metric, labelColumn, scoreColumn));

    private static AutoMLExperiment SetMetric(this AutoMLExperiment experiment, IEvaluateMetricManager metric) =>
        experiment.With(s => s.AddSingleton<IMetricManager>(metric).AddSingleton(metric));

    public static AutoMLExperiment SetPipeline(this AutoMLExperiment experiment, SweepablePipeline pipeline)
    {
        Contracts.CheckValue(pipeline, nameof(pipeline));
        experiment.AddSearchSpace(AutoMLExperiment.PipelineName, pipeline.SearchSpace);
        experiment.With(s => s.AddSingleton(pipeline));
        experiment.SetTrialRunner<PipelineRunner>();
        experiment.SetMonitor<LogMonitor>();
        return experiment.SetEciCostFrugalTuner();
    }

    public static AutoMLExperiment SetPerformanceMonitor(this AutoMLExperiment experiment, int checkIntervalInMilliseconds = 1000) =>
        experiment.SetPerformanceMonitor(services => new DefaultPerformanceMonitor(Settings(services), services.GetService<IChannel>(), checkIntervalInMilliseconds));

    public static AutoMLExperiment SetPerformanceMonitor<TPerformanceMonitor>(this AutoMLExperiment experiment, Func<IServiceProvider, TPerformanceMonitor> factory)
        where TPerformanceMonitor : class, IPerformanceMonitor => experiment.With(s => s.AddTransient<IPerformanceMonitor>(factory));

    public static AutoMLExperiment SetPerformanceMonitor<TPerformanceMonitor>(this AutoMLExperiment experiment)
        where TPerformanceMonitor : class, IPerformanceMonitor => experiment.With(s => s.AddTransient<IPerformanceMonitor, TPerformanceMonitor>());

    public static AutoMLExperiment SetRandomSearchTuner(this AutoMLExperiment experiment, int? seed = null) =>
        experiment.SetTuner(services => new RandomTuner(Settings(services).SearchSpace, seed ?? Settings(services).Seed));

    public static AutoMLExperiment SetGridSearchTuner(this AutoMLExperiment experiment, int step = 10) =>
        experiment.SetTuner(services => new GridTuner(Settings(services).SearchSpace, step));

    public static AutoMLExperiment SetCostFrugalTuner(this AutoMLExperiment experiment) =>
        experiment.SetTuner(services => new CostFrugalTuner(Settings(services).SearchSpace, Settings(services).Seed));

    public static AutoMLExperiment SetEciCostFrugalTuner(this AutoMLExperiment experiment) => experiment.SetTuner(services =>
        new EciCostFrugalTuner(services.GetRequiredService<SweepablePipeline>(), Settings(services), services.GetService<TrialHistory>()?.Results ?? []));

    public static AutoMLExperiment SetSmacTuner(this AutoMLExperiment experiment, int numberInitialPopulation = 20, int fitModelEveryNTrials = 10,
        int numberOfTrees = 10, int nMinForSpit = 2, float splitRatio = 0.8f, int localSearchParentCount = 5, int numRandomEISearchConfigurations = 5000,
        double epsilon = 1e-5, int numNeighboursForNumericalParams = 4) =>
        experiment.SetTuner(services => new SmacTuner(Settings(services).SearchSpace, Settings(services).Seed)
        {
            InitialPopulation = numberInitialPopulation,
            TrialsPerModel = fitModelEveryNTrials,
            Trees = numberOfTrees,
            RowsPerLeaf = nMinForSpit,
            FeatureShare = splitRatio,
            Parents = localSearchParentCount,
            RandomCandidates = numRandomEISearchConfigurations,
            Epsilon = epsilon,
            Neighbours = numNeighboursForNumericalParams,
        });

    /// <summary>Keeps results in the folder: an experiment over the same space goes on from them.</summary>
    public static AutoMLExperiment SetCheckpoint(this AutoMLExperiment experiment, string folder)
    {
        Directory.CreateDirectory(folder);
        return experiment.With(s => s.AddSingleton(services =>
        {
            var space = Settings(services).SearchSpace;
            string metric = services.GetService<IMetricManager>() is { } m ? $"-{m.MetricName}" : "";
            return new TrialHistory(Path.Combine(folder, $"trialResults-{space.GetHashCode()}{metric}.csv"), space, services.GetRequiredService<IChannel>());
        }));
    }

    private static AutoMLExperiment.AutoMLExperimentSettings Settings(IServiceProvider services) =>
        services.GetRequiredService<AutoMLExperiment.AutoMLExperimentSettings>();
}
