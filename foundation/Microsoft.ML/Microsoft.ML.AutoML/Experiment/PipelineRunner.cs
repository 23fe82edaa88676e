using System.Diagnostics;

namespace Microsoft.ML.AutoML;

/// <summary>Trains the pipeline that a trial chooses and evaluates it.</summary>
internal sealed class PipelineRunner(MLContext context, SweepablePipeline pipeline, IEvaluateMetricManager metric, IDatasetManager data) : ITrialRunner
{
    public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken ct)
    {
        try
        {
            using var registration = ct.Register(context.CancelExecution);
            return Task.FromResult(Run(settings));
        }
        catch (Exception e) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e.InnerException);
        }
    }

    private TrialResult Run(TrialSettings settings)
    {
        var watch = Stopwatch.StartNew();
        // Built anew for each fold: an estimator may remember what it was first fitted on.
        IEstimator<ITransformer> Build() => pipeline.BuildFromOption(context, settings.Parameter[AutoMLExperiment.PipelineName]);
        (ITransformer Model, double Metric) Try(IDataView train, IDataView test)
        {
            var model = Build().Fit(train);
            return (model, metric.Evaluate(context, model.Transform(test)));
        }
        var outcomes = data switch
        {
            ICrossValidateDatasetManager folds => context.Data.CrossValidationSplit(folds.Dataset, folds.Fold, folds.SamplingKeyColumnName)
                .Select(fold => Try(fold.TrainSet, fold.TestSet)).ToArray(),
            ITrainValidateDatasetManager split => [Try(split.LoadTrainDataset(context, settings), split.LoadValidateDataset(context, settings))],
            _ => throw new ArgumentException("IDatasetManager must be either ITrainValidateDatasetManager or ICrossValidateDatasetManager"),
        };
        double value = outcomes.Average(o => o.Metric);
        return new TrialResult
        {
            Model = outcomes[0].Model,
            Metric = value,
            Loss = metric.IsMaximize ? -value : value,
            DurationInMilliseconds = watch.ElapsedMilliseconds,
            TrialSettings = settings,
        };
    }

    public void Dispose() => context.CancelExecution();
}
