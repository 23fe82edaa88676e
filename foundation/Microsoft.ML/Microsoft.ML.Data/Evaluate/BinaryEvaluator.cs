using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Evaluates classifiers of two classes.</summary>
internal static class BinaryEvaluator
{
    public static CalibratedBinaryClassificationMetrics Calibrated(IDataView data, string label, string score, string probability, string predicted)
    {
        var (counts, auc, auprc, table) = Evaluate(data, label, score, probability, predicted);
        return new CalibratedBinaryClassificationMetrics(counts, auc, auprc, table);
    }

    public static BinaryClassificationMetrics NonCalibrated(IDataView data, string label, string score, string predicted)
    {
        var (counts, auc, auprc, table) = Evaluate(data, label, score, null, predicted);
        return new BinaryClassificationMetrics(counts, auc, auprc, table);
    }

    private static (BinaryCounts, double Auc, double Auprc, ConfusionMatrix) Evaluate(IDataView data, string labelName, string scoreName,
        string probabilityName, string predictedName)
    {
        var label = RoleColumns.Find(data.Schema, "Label", labelName);
        var score = RoleColumns.Find(data.Schema, "Score", scoreName);
        DataViewSchema.Column? probability = probabilityName is null ? null : RoleColumns.Find(data.Schema, "Probability", probabilityName);
        RoleColumns.Find(data.Schema, "PredictedLabel", predictedName);
        if (!score.Type.Equals(NumberDataViewType.Single))
            throw Contracts.ExceptSchemaMismatch("schema", "score", score.Name, "Single", score.Type.ToString());
        if (!label.Type.Equals(NumberDataViewType.Single) && !label.Type.Equals(NumberDataViewType.Double) && label.Type is not BooleanDataViewType
            && label.Type is not KeyDataViewType { Count: 2 })
        {
            throw Contracts.ExceptSchemaMismatch("schema", "label", label.Name, "Single, Double, Boolean, or a Key with cardinality 2", label.Type.ToString());
        }
        if (probability is { } p && !p.Type.Equals(NumberDataViewType.Single))
            throw Contracts.ExceptSchemaMismatch("schema", "probability", p.Name, "Single", p.Type.ToString());

        var counts = new BinaryCounts();
        var rows = new List<(float Score, bool Positive)>();
        using var cursor = data.GetRowCursor(probability is { } column ? [label, score, column] : [label, score]);
        var readLabel = RoleColumns.LabelReader(cursor, label);
        var readScore = RoleColumns.Reader<float>(cursor, score, v => v);
        var readProbability = probability is { } c ? RoleColumns.Reader<float>(cursor, c, v => v) : () => float.NaN;
        while (cursor.MoveNext())
        {
            float truth = readLabel(), s = readScore();
            if (!float.IsFinite(s) || float.IsNaN(truth))
                continue;
            counts.Add(s, readProbability(), truth > 0, threshold: 0);
            rows.Add((s, truth > 0));
        }
        double auc = AreaUnderRoc(rows);
        return (counts, auc, AreaUnderPrecisionRecall(rows), new ConfusionMatrix(NamesOf(label), counts.Table, binary: true));
    }

    private static string[] NamesOf(DataViewSchema.Column label)
    {
        if (!label.HasKeyValues())
            return ["positive", "negative"];
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        label.GetKeyValues(ref names);
        return names.DenseValues().Select(n => n.ToString()).ToArray();
    }

    /// <summary>The share of pairs of a positive and a negative row that are in order; pairs of equal score count half.</summary>
    private static double AreaUnderRoc(List<(float Score, bool Positive)> rows)
    {
        double positives = rows.Count(r => r.Positive), negatives = rows.Count - positives;
        Contracts.CheckParam(positives > 0, "PosSample", "AUC is not defined when there is no positive class in the data");
        Contracts.CheckParam(negatives > 0, "NegSample", "AUC is not defined when there is no negative class in the data");
        double above = 0, pairs = 0;
        foreach (var ties in rows.GroupBy(r => r.Score).OrderByDescending(g => g.Key))
        {
            double p = ties.Count(r => r.Positive), n = ties.Count() - p;
            pairs += above * n + 0.5 * p * n;
            above += p;
        }
        return pairs / (positives * negatives);
    }

    /// <summary>By trapezoids, one row after the other from the highest score down.</summary>
    private static double AreaUnderPrecisionRecall(List<(float Score, bool Positive)> rows)
    {
        double positives = rows.Count(r => r.Positive), hits = 0, misses = 0, area = 0, recall = 0, precision = 1;
        foreach (var (_, positive) in rows.OrderByDescending(r => r.Score))
        {
            if (!positive)
            {
                misses++;
                precision = hits / (hits + misses);
                continue;
            }
            hits++;
            double nextRecall = hits / positives, nextPrecision = hits / (hits + misses);
            area += (nextRecall - recall) * (precision + nextPrecision) / 2;
            (recall, precision) = (nextRecall, nextPrecision);
        }
        return area;
    }
}
