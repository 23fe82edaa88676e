namespace Microsoft.ML.AutoML;

/// <summary>When data are cached before a trainer.</summary>
public enum CacheBeforeTrainer
{
    Auto = 0,
    On = 1,
    Off = 2,
}

/// <summary>What bounds an experiment.</summary>
public abstract class ExperimentSettings
{
    public ExperimentSettings()
    {
        MaxExperimentTimeInSeconds = 24 * 60 * 60;
        MaxModels = int.MaxValue;
        CacheDirectoryName = "Microsoft.ML.AutoML";
    }

    public int MaxModels;

    public uint MaxExperimentTimeInSeconds { get; set; }

    public CancellationToken CancellationToken { get; set; }

    public string CacheDirectoryName { get; set; }

    public CacheBeforeTrainer CacheBeforeTrainer { get; set; }

    public double? MaximumMemoryUsageInMegaByte { get; set; }
}
