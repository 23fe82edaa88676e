namespace Microsoft.ML.AutoML;

/// <summary>When an experiment ends: time, number of trials, the caller's wish, or a trial that was stopped.</summary>
internal sealed class TrialBudget : IDisposable
{
    private readonly int _models;
    private readonly CancellationTokenSource _end;
    private int _explored;

    public TrialBudget(TimeSpan? time, int? models, CancellationToken ct)
    {
        _models = models ?? int.MaxValue;
        _end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (time is { } span)
            _end.CancelAfter(span);
    }

    public bool IsSpent => _explored >= _models || _end.IsCancellationRequested;

    public void Count() => _explored++;

    /// <summary>
    /// Ends with the experiment; and a trial that is stopped for itself, for its use of memory, ends the experiment, as in the real library.
    /// </summary>
    public CancellationTokenSource StartTrial()
    {
        var trial = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        trial.Token.Register(() =>
        {
            if (!_end.IsCancellationRequested)
                _end.Cancel();
        });
        return trial;
    }

    public void Dispose() => _end.Dispose();
}
