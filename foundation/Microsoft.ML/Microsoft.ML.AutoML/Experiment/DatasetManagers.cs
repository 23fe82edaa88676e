using Microsoft.ML.Runtime;

namespace Microsoft.ML.AutoML;

/// <summary>The data of an experiment.</summary>
public interface IDatasetManager
{
}

/// <summary>Data in folds.</summary>
public interface ICrossValidateDatasetManager : IDatasetManager
{
    int Fold { get; set; }

    IDataView Dataset { get; set; }

    string SamplingKeyColumnName { get; set; }
}

/// <summary>Data to train on and data to validate on.</summary>
public interface ITrainValidateDatasetManager : IDatasetManager
{
    IDataView LoadTrainDataset(MLContext context, TrialSettings settings);

    IDataView LoadValidateDataset(MLContext context, TrialSettings settings);
}

internal sealed class CrossValidateDatasetManager : ICrossValidateDatasetManager
{
    public int Fold { get; set; }

    public IDataView Dataset { get; set; }

    public string SamplingKeyColumnName { get; set; }
}

internal sealed class TrainValidateDatasetManager(IDataView train, IDataView validation) : ITrainValidateDatasetManager
{
    /// <summary>The name under which a trial's share of the training rows stands.</summary>
    public const string ShareName = "TrainValidateDatasetSubsamplingKey";

    private const long FewestRows = 10;

    private readonly Lazy<long> _rows = new(() => train.GetRowCount() ?? Count(train));

    public IDataView LoadTrainDataset(MLContext context, TrialSettings settings)
    {
        if (settings?.Parameter is not { } parameter || !parameter.TryGetValue(nameof(TrainValidateDatasetManager), out var chosen)
            || !chosen.TryGetValue(ShareName, out var share) || share.AsType<double>() is not (< 1.0 and var part))
            return train;
        return context.Data.TakeRows(train, Math.Max(FewestRows, (long)(part * _rows.Value)));
    }

    public IDataView LoadValidateDataset(MLContext context, TrialSettings settings) => validation;

    private static long Count(IDataView view)
    {
        Contracts.CheckValue(view, nameof(view));
        long count = 0;
        using var cursor = view.GetRowCursor([]);
        while (cursor.MoveNext())
            count++;
        return count;
    }
}
