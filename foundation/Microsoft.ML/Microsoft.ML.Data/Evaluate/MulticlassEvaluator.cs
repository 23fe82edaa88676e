using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Evaluates classifiers of several classes.</summary>
internal static class MulticlassEvaluator
{
    private const float SmallestProbability = 1e-15f;

    public static MulticlassClassificationMetrics Evaluate(IDataView data, string labelName, string scoreName, string predictedName, int topK)
    {
        var label = RoleColumns.Find(data.Schema, "Label", labelName);
        var score = RoleColumns.Find(data.Schema, "Score", scoreName);
        RoleColumns.Find(data.Schema, "PredictedLabel", predictedName);
        if (score.Type is not VectorDataViewType { Size: >= 2 } vector || !vector.ItemType.Equals(NumberDataViewType.Single))
            throw Contracts.ExceptSchemaMismatch("schema", "score", score.Name, "vector of two or more items of type Single", score.Type.ToString());
        if (!label.Type.Equals(NumberDataViewType.Single) && label.Type is not KeyDataViewType)
            throw Contracts.ExceptSchemaMismatch("schema", "label", label.Name, "Single or Key", label.Type.ToString());

        var counts = new Counts(vector.Size);
        using var cursor = data.GetRowCursor([label, score]);
        var readLabel = RoleColumns.LabelReader(cursor, label);
        var getScores = cursor.GetGetter<VBuffer<float>>(score);
        var buffer = default(VBuffer<float>);
        var scores = new float[vector.Size];
        while (cursor.MoveNext())
        {
            float truth = readLabel();
            if (!(truth >= 0) || truth != (int)truth)
                continue;
            getScores(ref buffer);
            Contracts.Check(buffer.Length == scores.Length);
            buffer.CopyTo(scores);
            if (Array.TrueForAll(scores, float.IsFinite))
                counts.Add(scores, (int)truth);
        }
        return counts.ToMetrics(NamesOf(score, vector.Size), topK);
    }

    private static string[] NamesOf(DataViewSchema.Column score, int size)
    {
        if (score.Annotations.Schema.GetColumnOrNull(AnnotationKinds.SlotNames)?.Type is not VectorDataViewType { IsKnownSize: true, ItemType: TextDataViewType })
            return Enumerable.Range(0, size).Select(i => i.ToString(System.Globalization.CultureInfo.CurrentCulture)).ToArray();
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        score.GetSlotNames(ref names);
        return names.DenseValues().Select(n => n.ToString()).ToArray();
    }

    private sealed class Counts(int classes)
    {
        private readonly double[] _ofClass = new double[classes];
        private readonly double[] _logLossOfClass = new double[classes];

        /// <summary>How often the true class had this rank; the last place is that of classes that are not known.</summary>
        private readonly double[] _ranks = new double[classes + 1];

        private readonly double[][] _table = Enumerable.Range(0, classes).Select(_ => new double[classes]).ToArray();
        private double _rows, _correct, _logLoss;

        public void Add(float[] scores, int truth)
        {
            bool known = truth < classes;
            double loss = -Math.Log(known ? Math.Min(1, Math.Max(SmallestProbability, scores[truth])) : SmallestProbability);
            float own = known ? scores[truth] : 0;
            int rank = 0, predicted = 0;
            for (int i = 0; i < classes; i++)
            {
                // Of equal scores the class that comes first ranks first.
                if (scores[i] > own || (scores[i] == own && i < truth))
                    rank++;
                if (scores[i] > scores[predicted])
                    predicted = i;
            }
            _rows++;
            _logLoss += loss;
            _ranks[rank]++;
            if (known)
            {
                _ofClass[truth]++;
                _logLossOfClass[truth] += loss;
                _table[truth][rank == 0 ? truth : predicted]++;
            }
            if (rank == 0)
                _correct++;
        }

        public MulticlassClassificationMetrics ToMetrics(string[] names, int topK)
        {
            double logLoss = _rows > 0 ? _logLoss / _rows : 0;
            double entropy = 0;
            foreach (double n in _ofClass)
                entropy += n != 0 ? n * Math.Log(n / _rows) : 0;
            entropy /= -_rows;
            int seen = _ofClass.Count(n => n > 0);
            double macro = 0;
            for (int i = 0; i < classes; i++)
                macro += _ofClass[i] > 0 ? _table[i][i] / _ofClass[i] : 0;
            var perClass = _logLossOfClass.Select((loss, i) => _ofClass[i] > 0 ? loss / _ofClass[i] : 0).ToArray();
            var top = new List<double>();
            double sum = 0;
            foreach (double share in _ranks.Take(topK).Select(n => n / _rows))
                top.Add(sum += share);
            return new MulticlassClassificationMetrics(_rows > 0 ? _correct / _rows : 0, seen > 0 ? macro / seen : 0, logLoss, (entropy - logLoss) / entropy,
                topK, top.ToArray(), perClass, new ConfusionMatrix(names, _table, binary: false));
        }
    }
}
