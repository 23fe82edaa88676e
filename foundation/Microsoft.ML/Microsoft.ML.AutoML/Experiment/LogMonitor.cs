using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>Tells the log how an experiment over a pipeline goes.</summary>
internal sealed class LogMonitor(IChannel channel, SweepablePipeline pipeline) : IMonitor
{
    public void ReportBestTrial(TrialResult result) => channel.Info(
        $"Update Best Trial - Id: {result.TrialSettings.TrialId} - Metric: {result.Metric} - Pipeline: {pipeline.ToString(result.TrialSettings.Parameter)}");

    public void ReportCompletedTrial(TrialResult result) => channel.Info(
        $"Update Completed Trial - Id: {result.TrialSettings.TrialId} - Metric: {result.Metric} - Pipeline: {pipeline.ToString(result.TrialSettings.Parameter)} - Duration: {result.DurationInMilliseconds}");

    public void ReportFailTrial(TrialSettings settings, Exception exception = null)
    {
        channel.Trace(exception?.Message + exception?.StackTrace);
        channel.Info($"Update Failed Trial - Id: {settings.TrialId} - Pipeline: {pipeline.ToString(settings.Parameter)}");
    }

    public void ReportRunningTrial(TrialSettings settings) => channel.Info($"Update Running Trial - Id: {settings.TrialId}");
}
