using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>A search: trials that a tuner proposes and a runner runs, until a budget is spent.</summary>
public class AutoMLExperiment
{
    /// <summary>The name under which the pipeline's space stands in the experiment's.</summary>
    internal const string PipelineName = "_pipeline_";

    private readonly AutoMLExperimentSettings _settings;
    private TimeSpan? _time;
    private int? _models;
    private TrialResult _best;
    private double _bestLoss = double.MaxValue;

    public AutoMLExperiment(MLContext context, AutoMLExperimentSettings settings)
    {
        Contracts.CheckValue(context, nameof(context));
        Contracts.CheckValue(settings, nameof(settings));
        _settings = settings;
        _settings.Seed ??= ((ISeededEnvironment)context).Seed;
        _settings.SearchSpace ??= new SearchSpace.SearchSpace();
        Services.TryAddSingleton(_settings);
        Services.TryAddSingleton(((IChannelProvider)context).Start(nameof(AutoMLExperiment)));
        Services.TryAddSingleton(new ChildContexts(context));
        Services.TryAddTransient(services => services.GetRequiredService<ChildContexts>().Create());
        this.SetPerformanceMonitor(2000);
    }

    internal IServiceCollection Services { get; } = new ServiceCollection();

    /// <summary>Settings of an experiment.</summary>
    public class AutoMLExperimentSettings : ExperimentSettings
    {
        public AutoMLExperimentSettings()
        {
        }

        public int? Seed { get; set; }

        public SearchSpace.SearchSpace SearchSpace { get; set; }
    }

    public AutoMLExperiment SetTrainingTimeInSeconds(uint trainingTimeInSeconds)
    {
        _settings.MaxExperimentTimeInSeconds = trainingTimeInSeconds;
        _time = TimeSpan.FromSeconds(trainingTimeInSeconds);
        return this;
    }

    public AutoMLExperiment SetMaxModelToExplore(int maxModel)
    {
        _settings.MaxModels = maxModel;
        _models = maxModel;
        return this;
    }

    public AutoMLExperiment SetMaximumMemoryUsageInMegaByte(double value = double.MaxValue)
    {
        _settings.MaximumMemoryUsageInMegaByte = value;
        return this;
    }

    public AutoMLExperiment AddSearchSpace(string key, SearchSpace.SearchSpace searchSpace)
    {
        _settings.SearchSpace[key] = searchSpace;
        return this;
    }

    public AutoMLExperiment SetMonitor<TMonitor>(TMonitor monitor) where TMonitor : class, IMonitor =>
        With(s => s.AddSingleton<IMonitor>(monitor));

    public AutoMLExperiment SetMonitor<TMonitor>() where TMonitor : class, IMonitor =>
        With(s => s.AddSingleton<IMonitor, TMonitor>());

    public AutoMLExperiment SetMonitor<TMonitor>(Func<IServiceProvider, TMonitor> factory) where TMonitor : class, IMonitor =>
        With(s => s.AddSingleton<IMonitor>(factory));

    public AutoMLExperiment SetTrialRunner<TTrialRunner>(TTrialRunner runner) where TTrialRunner : class, ITrialRunner =>
        With(s => s.AddSingleton<ITrialRunner>(runner));

    public AutoMLExperiment SetTrialRunner<TTrialRunner>(Func<IServiceProvider, TTrialRunner> factory) where TTrialRunner : class, ITrialRunner =>
        With(s => s.AddTransient<ITrialRunner>(factory));

    public AutoMLExperiment SetTrialRunner<TTrialRunner>() where TTrialRunner : class, ITrialRunner =>
        With(s => s.AddTransient<ITrialRunner, TTrialRunner>());

    public AutoMLExperiment SetTuner<TTuner>(TTuner proposer) where TTuner : class, ITuner => SetTuner(_ => proposer);

    public AutoMLExperiment SetTuner<TTuner>(Func<IServiceProvider, TTuner> factory) where TTuner : class, ITuner =>
        With(s => s.AddSingleton<ITuner>(factory));

    public AutoMLExperiment SetTuner<TTuner>() where TTuner : class, ITuner => With(s => s.AddSingleton<ITuner, TTuner>());

    /// <summary>What is added last is used.</summary>
    internal AutoMLExperiment With(Action<IServiceCollection> add)
    {
        add(Services);
        return this;
    }

    public TrialResult Run() => RunAsync().Result;

    /// <summary>Runs trials until a budget is spent or <paramref name="ct"/> asks for the end; gives the best one.</summary>
    public async Task<TrialResult> RunAsync(CancellationToken ct = default)
    {
        _settings.CancellationToken = ct;
        var services = Services.BuildServiceProvider();
        var channel = services.GetRequiredService<IChannel>();
        using var budget = new TrialBudget(_time, _models, ct);
        using var heard = ct.Register(() => channel.Info("cancel training because cancellation token is invoked..."));
        var monitor = services.GetService<IMonitor>();
        var history = services.GetService<TrialHistory>();
        int next = history?.NextTrial ?? 0;
        // A runner that cannot be made is news before the first proposal.
        services.GetService<ITrialRunner>();
        var tuner = services.GetService<ITuner>();
        Contracts.Check(tuner is not null, "The experiment has no tuner: call SetPipeline, SetTuner or one of the Set…Tuner methods");

        while (!budget.IsSpent)
        {
            var settings = new TrialSettings
            {
                TrialId = next++,
                Parameter = SearchSpace.Parameter.CreateNestedParameter(),
                StartedAtUtc = DateTime.UtcNow,
            };
            settings.Parameter = tuner.Propose(settings);
            monitor?.ReportRunningTrial(settings);
            using var trial = budget.StartTrial();
            TrialResult result;
            try
            {
                result = await RunTrial(services, settings, trial).ConfigureAwait(false);
                monitor?.ReportCompletedTrial(result);
                Learn(tuner, history, budget, result);
                if (result.Loss < _bestLoss)
                {
                    _best = result;
                    _bestLoss = result.Loss;
                    monitor?.ReportBestTrial(result);
                }
            }
            catch (Exception e) when (!budget.IsSpent)
            {
                channel.Trace($"trial {settings.TrialId} failed with {JsonSerializer.Serialize(settings)}: {e.Message}");
                settings.EndedAtUtc = DateTime.UtcNow;
                monitor?.ReportFailTrial(settings, e);
                Learn(tuner, history, budget, new TrialResult { TrialSettings = settings, Loss = double.MaxValue });
                // Before any trial has succeeded, a failure is the pipeline's fault rather than the settings'.
                if (e is not (OperationCanceledException or OutOfMemoryException) && _best is null)
                    throw;
            }
            catch (Exception) when (budget.IsSpent)
            {
                channel.Trace($"trial cancelled - {JsonSerializer.Serialize(settings)}, stop training");
                break;
            }
        }
        history?.Save();
        return _best ?? throw new TimeoutException("Training time finished without completing a successful trial. Either no trial completed or the metric for all completed trials are NaN or Infinity");
    }

    private static void Learn(ITuner tuner, TrialHistory history, TrialBudget budget, TrialResult result)
    {
        tuner.Update(result);
        history?.Add(result);
        budget.Count();
    }

    private static async Task<TrialResult> RunTrial(ServiceProvider services, TrialSettings settings, CancellationTokenSource trial)
    {
        using var performance = services.GetRequiredService<IPerformanceMonitor>();
        using var runner = services.GetRequiredService<ITrialRunner>();
        performance.PerformanceMetricsUpdated += (_, metrics) => performance.OnPerformanceMetricsUpdatedHandler(settings, metrics, trial);
        performance.Start();
        services.GetRequiredService<IChannel>().Trace($"trial setting - {JsonSerializer.Serialize(settings)}");
        var result = await runner.RunAsync(settings, trial.Token).ConfigureAwait(false);
        result.PeakCpu = performance.GetPeakCpuUsage();
        result.PeakMemoryInMegaByte = performance.GetPeakMemoryUsageInMegaByte();
        result.TrialSettings.EndedAtUtc = DateTime.UtcNow;
        performance.Pause();
        return result;
    }
}
