using System.Diagnostics;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>What a trial uses.</summary>
public class TrialPerformanceMetrics
{
    public TrialPerformanceMetrics()
    {
    }

    public double? PeakMemoryUsage { get; set; }

    public double? PeakCpuUsage { get; set; }

    public double CpuUsage { get; internal set; }

    public double MemoryUsage { get; internal set; }
}

/// <summary>Watches what a trial uses.</summary>
public interface IPerformanceMonitor : IDisposable
{
    event EventHandler<TrialPerformanceMetrics> PerformanceMetricsUpdated;

    void Start();

    void Pause();

    void Stop();

    double? GetPeakMemoryUsageInMegaByte();

    double? GetPeakCpuUsage();

    void OnPerformanceMetricsUpdatedHandler(TrialSettings trialSettings, TrialPerformanceMetrics metrics, CancellationTokenSource trialCancellationTokenSource);
}

/// <summary>Looks at this process's memory and processor time at intervals; stops a trial that takes too much memory.</summary>
public class DefaultPerformanceMonitor : IPerformanceMonitor
{
    private readonly AutoMLExperiment.AutoMLExperimentSettings _settings;
    private readonly IChannel _logger;
    private readonly int _interval;
    private readonly Lock _lock = new();
    private Timer _timer;
    private TimeSpan _cpuBefore;
    private double? _peakCpu;
    private double? _peakMemory;

    public DefaultPerformanceMonitor(AutoMLExperiment.AutoMLExperimentSettings settings, IChannel logger, int checkIntervalInMilliseconds)
    {
        _settings = settings;
        _logger = logger;
        _interval = checkIntervalInMilliseconds;
    }

    public event EventHandler<TrialPerformanceMetrics> PerformanceMetricsUpdated;

    public double? GetPeakCpuUsage() => _peakCpu;

    public double? GetPeakMemoryUsageInMegaByte() => _peakMemory;

    public void Start()
    {
        if (_timer is null)
        {
            using var process = Process.GetCurrentProcess();
            _cpuBefore = process.TotalProcessorTime;
            _timer = new Timer(_ => Look());
            _logger?.Trace($"{typeof(DefaultPerformanceMonitor)} has been started");
        }
        Look();
        _timer.Change(_interval, _interval);
    }

    public void Pause() => _timer?.Change(Timeout.Infinite, Timeout.Infinite);

    public void Stop()
    {
        _timer?.Dispose();
        lock (_lock)
            (_timer, _peakCpu, _peakMemory) = (null, null, null);
    }

    public void Dispose()
    {
        Stop();
        GC.SuppressFinalize(this);
    }

    private void Look()
    {
        TrialPerformanceMetrics metrics;
        lock (_lock)
        {
            if (_timer is null)
                return;
            using var process = Process.GetCurrentProcess();
            var cpu = process.TotalProcessorTime;
            double share = (cpu - _cpuBefore).TotalMilliseconds / ((double)Environment.ProcessorCount * _interval);
            double memory = process.WorkingSet64 / (1024.0 * 1024.0);
            _cpuBefore = cpu;
            _peakCpu = Math.Max(share, _peakCpu ?? 0);
            _peakMemory = Math.Max(memory, _peakMemory ?? 0);
            metrics = new TrialPerformanceMetrics { CpuUsage = share, MemoryUsage = memory, PeakCpuUsage = _peakCpu, PeakMemoryUsage = _peakMemory };
        }
        _logger?.Trace($"current CPU: {metrics.CpuUsage}, current Memory(mb): {metrics.MemoryUsage}");
        PerformanceMetricsUpdated?.Invoke(this, metrics);
    }

    public virtual void OnPerformanceMetricsUpdatedHandler(TrialSettings trialSettings, TrialPerformanceMetrics metrics, CancellationTokenSource trialCancellationTokenSource)
    {
        if (_settings.MaximumMemoryUsageInMegaByte is not double most || !(metrics.PeakMemoryUsage > most) || trialCancellationTokenSource.IsCancellationRequested)
            return;
        _logger?.Trace($"cancel current trial {trialSettings.TrialId} because it uses {metrics.PeakMemoryUsage} mb memory and the maximum memory usage is {most}");
        try
        {
            trialCancellationTokenSource.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The trial ended while the timer was looking.
        }
    }
}
