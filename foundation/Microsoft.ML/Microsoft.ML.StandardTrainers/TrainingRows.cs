using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>The rows of a training set in memory: those with a label, a finite weight and finite features.</summary>
internal sealed class TrainingRows
{
    private readonly List<VBuffer<float>> _features = [];
    private readonly List<float> _labels = [];
    private readonly List<float> _weights = [];

    private TrainingRows(int dimension, int classes)
    {
        Dimension = dimension;
        Classes = classes;
    }

    public int Count => _labels.Count;

    public int Dimension { get; }

    /// <summary>How many classes the label has; 0 where it is a number.</summary>
    public int Classes { get; }

    public VBuffer<float> Features(int row) => _features[row];

    /// <summary>The label as a number: of a class its index, of a boolean 0 or 1.</summary>
    public float Label(int row) => _labels[row];

    public float Weight(int row) => _weights[row];

    public double WeightSum => _weights.Sum(w => (double)w);

    public static TrainingRows Read(IDataView data, string featureName, string labelName, string weightName)
    {
        var feature = data.Schema[featureName];
        var label = data.Schema[labelName];
        DataViewSchema.Column? weight = weightName is null ? null : data.Schema[weightName];
        int dimension = ((VectorDataViewType)feature.Type).Size;
        Contracts.CheckParam(dimension > 0, nameof(data), $"Feature column '{featureName}' has no slots");
        using var cursor = data.GetRowCursor(weight is { } w ? [feature, label, w] : [feature, label]);
        var getFeatures = cursor.GetGetter<VBuffer<float>>(feature);
        var getLabel = LabelReader(cursor, label, out int classes);
        var getWeight = weight is { } column ? cursor.GetGetter<float>(column) : null;
        var rows = new TrainingRows(dimension, classes);
        while (cursor.MoveNext())
        {
            VBuffer<float> features = default;
            getFeatures(ref features);
            float value = getLabel(), rowWeight = 1;
            getWeight?.Invoke(ref rowWeight);
            if (float.IsNaN(value) || !float.IsFinite(rowWeight) || !AllFinite(features.GetValues()))
                continue;
            rows._features.Add(features);
            rows._labels.Add(value);
            rows._weights.Add(rowWeight);
        }
        if (rows.Count == 0)
            throw Contracts.Except("Training set has 0 instances, aborting training.");
        return rows;
    }

    private static Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label, out int classes)
    {
        classes = 0;
        if (label.Type is KeyDataViewType key)
        {
            Contracts.CheckParam(key.Count <= int.MaxValue, nameof(label), $"Label column '{label.Name}' has too many classes: {key.Count}");
            ulong count = key.Count;
            classes = (int)count;
            var read = KeyReader.Create(row, label);
            return () =>
            {
                ulong raw = read();
                return raw == 0 || raw > count ? float.NaN : raw - 1;
            };
        }
        if (label.Type is BooleanDataViewType)
        {
            var getter = row.GetGetter<bool>(label);
            bool value = false;
            return () =>
            {
                getter(ref value);
                return value ? 1 : 0;
            };
        }
        var numbers = row.GetGetter<float>(label);
        float number = 0;
        return () =>
        {
            numbers(ref number);
            return number;
        };
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
