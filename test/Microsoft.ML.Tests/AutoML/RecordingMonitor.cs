using Microsoft.ML.AutoML;

namespace FoundationTests.AutoML;

/// <summary>Writes down what a monitor is told.</summary>
internal sealed class RecordingMonitor : IMonitor
{
    public List<string> Told { get; } = [];

    public void ReportBestTrial(TrialResult result) => Told.Add($"best {result.TrialSettings.TrialId}");

    public void ReportCompletedTrial(TrialResult result) => Told.Add($"completed {result.TrialSettings.TrialId}");

    public void ReportFailTrial(TrialSettings settings, Exception? exception = null) => Told.Add($"failed {settings.TrialId}: {exception?.Message}");

    public void ReportRunningTrial(TrialSettings settings) => Told.Add($"running {settings.TrialId}");
}
