using Microsoft.ML.AutoML;

namespace Peft.Estimators.AutoML;

/// <summary>A monitor that frees the model of each trial that did not win, so that a long search does not fill the memory.</summary>
/// <remarks>With cross-validation the experiment keeps the first fold's model alone; those of the other folds are left to the garbage collector.</remarks>
public sealed class BestModelOnly : IMonitor
{
    private readonly IMonitor? _inner;
    private TrialResult? _best;

    /// <summary>Frees models, and tells another monitor too.</summary>
    /// <param name="inner">A monitor that hears of every trial before its model is freed. Default none.</param>
    public BestModelOnly(IMonitor? inner = null) => _inner = inner;

    /// <inheritdoc/>
    public void ReportRunningTrial(TrialSettings settings) => _inner?.ReportRunningTrial(settings);

    /// <inheritdoc/>
    public void ReportFailTrial(TrialSettings settings, Exception? exception = null) => _inner?.ReportFailTrial(settings, exception);

    /// <inheritdoc/>
    public void ReportCompletedTrial(TrialResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        _inner?.ReportCompletedTrial(result);
        if (_best is not null && !(result.Loss < _best.Loss))
        {
            (result.Model as IDisposable)?.Dispose();
        }
    }

    /// <inheritdoc/>
    public void ReportBestTrial(TrialResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        _inner?.ReportBestTrial(result);
        (_best?.Model as IDisposable)?.Dispose();
        _best = result;
    }
}
