using Microsoft.ML.AutoML;

namespace FoundationTests.AutoML;

/// <summary>A runner whose loss is a function of the trial; it remembers what it was asked.</summary>
internal sealed class ScriptedRunner(Func<TrialSettings, CancellationToken, double> loss) : ITrialRunner
{
    public ScriptedRunner(Func<TrialSettings, double> loss) : this((s, _) => loss(s))
    {
    }

    public List<TrialSettings> Asked { get; } = [];

    public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken ct)
    {
        lock (Asked)
            Asked.Add(settings);
        double value = loss(settings, ct);
        return Task.FromResult(new TrialResult { TrialSettings = settings, Loss = value, Metric = value, DurationInMilliseconds = 10 });
    }

    public void Dispose()
    {
    }
}
