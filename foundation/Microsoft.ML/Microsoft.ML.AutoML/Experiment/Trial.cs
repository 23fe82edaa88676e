namespace Microsoft.ML.AutoML;

/// <summary>What a trial is to try.</summary>
public class TrialSettings
{
    public int TrialId { get; set; }

    public SearchSpace.Parameter Parameter { get; set; }

    public DateTime StartedAtUtc { get; set; }

    public DateTime? EndedAtUtc { get; set; }
}

/// <summary>What came out of a trial.</summary>
public class TrialResult : IEqualityComparer<TrialResult>
{
    public TrialSettings TrialSettings { get; set; }

    public ITransformer Model { get; set; }

    /// <summary>What tuners lower.</summary>
    public double Loss { get; set; }

    /// <summary>The metric as the evaluator gives it.</summary>
    public double Metric { get; set; }

    public double DurationInMilliseconds { get; set; }

    public double? PeakCpu { get; set; }

    public double? PeakMemoryInMegaByte { get; set; }

    /// <summary>Results of the same trial are equal.</summary>
    public bool Equals(TrialResult x, TrialResult y) => GetHashCode(x) == GetHashCode(y);

    public int GetHashCode(TrialResult obj) => obj?.TrialSettings?.TrialId ?? 0;
}

/// <summary>Runs trials.</summary>
public interface ITrialRunner : IDisposable
{
    Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken ct);
}

/// <summary>Proposes what to try and learns from what came out.</summary>
public interface ITuner
{
    SearchSpace.Parameter Propose(TrialSettings settings);

    void Update(TrialResult result);
}

/// <summary>Is told how an experiment goes.</summary>
public interface IMonitor
{
    void ReportCompletedTrial(TrialResult result);

    void ReportBestTrial(TrialResult result);

    void ReportFailTrial(TrialSettings settings, Exception exception = null);

    void ReportRunningTrial(TrialSettings settings);
}
