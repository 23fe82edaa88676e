using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>The rows of a training set in memory: those with a label and finite features.</summary>
internal sealed class TrainingRows
{
    private TrainingRows(List<VBuffer<float>> features, List<int> labels, List<float> weights, int dimension, int classes)
    {
        Features = features;
        Labels = labels;
        Weights = weights;
        Dimension = dimension;
        Classes = classes;
    }

    public List<VBuffer<float>> Features { get; }

    public List<int> Labels { get; }

    public List<float> Weights { get; }

    public int Count => Labels.Count;

    public int Dimension { get; }

    public int Classes { get; }

    public static TrainingRows Read(IDataView data, string featureName, string labelName, string weightName)
    {
        var feature = data.Schema[featureName];
        var label = data.Schema[labelName];
        DataViewSchema.Column? weight = weightName is null ? null : data.Schema[weightName];
        var key = (KeyDataViewType)label.Type;
        Contracts.CheckParam(key.Count <= int.MaxValue, nameof(data), $"Label column '{labelName}' has too many classes: {key.Count}");
        using var cursor = data.GetRowCursor(weight is { } w ? [feature, label, w] : [feature, label]);
        var getFeatures = cursor.GetGetter<VBuffer<float>>(feature);
        var getLabel = KeyReader.Create(cursor, label);
        var getWeight = weight is { } column ? cursor.GetGetter<float>(column) : null;
        var rows = new TrainingRows([], [], [], ((VectorDataViewType)feature.Type).Size, (int)key.Count);
        while (cursor.MoveNext())
        {
            VBuffer<float> features = default;
            getFeatures(ref features);
            ulong raw = getLabel();
            float rowWeight = 1;
            getWeight?.Invoke(ref rowWeight);
            if (raw == 0 || raw > key.Count || !(rowWeight > 0) || !AllFinite(features.GetValues()))
                continue;
            rows.Features.Add(features);
            rows.Labels.Add((int)raw - 1);
            rows.Weights.Add(rowWeight);
        }
        if (rows.Count == 0)
            throw Contracts.Except("Training set has 0 instances, aborting training.");
        return rows;
    }

    private static bool AllFinite(ReadOnlySpan<float> values)
    {
        foreach (float v in values)
        {
            if (!float.IsFinite(v))
                return false;
        }
        return true;
    }
}
