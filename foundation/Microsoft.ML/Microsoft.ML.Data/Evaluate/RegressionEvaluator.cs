using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Evaluates regressions.</summary>
internal static class RegressionEvaluator
{
    public static RegressionMetrics Evaluate(IDataView data, string labelName, string scoreName)
    {
        var label = RoleColumns.Find(data.Schema, "Label", labelName);
        var score = RoleColumns.Find(data.Schema, "Score", scoreName);
        if (!score.Type.Equals(NumberDataViewType.Single))
            throw Contracts.ExceptSchemaMismatch("schema", "score", score.Name, "Single", score.Type.ToString());
        if (!label.Type.Equals(NumberDataViewType.Single))
            throw Contracts.ExceptSchemaMismatch("schema", "label", label.Name, "Single", label.Type.ToString());

        double rows = 0, l1 = 0, l2 = 0, loss = 0, labels = 0, squares = 0;
        using var cursor = data.GetRowCursor([label, score]);
        var readLabel = RoleColumns.Reader<float>(cursor, label, v => v);
        var readScore = RoleColumns.Reader<float>(cursor, score, v => v);
        while (cursor.MoveNext())
        {
            float y = readLabel(), s = readScore();
            if (float.IsNaN(y) || float.IsNaN(s))
                continue;
            double error = Math.Abs((double)y - s);
            float difference = s - y;
            rows++;
            labels += y;
            // Squares in single precision, as the loss is defined.
            squares += y * y;
            l1 += error;
            l2 += error * error;
            loss += difference * difference;
        }
        if (rows == 0)
            return new RegressionMetrics(0, 0, 0, 0, 0);
        double spread = squares - labels * labels / rows;
        return new RegressionMetrics(l1 / rows, l2 / rows, Math.Sqrt(l2 / rows), loss / rows, spread == 0 ? double.NaN : 1 - l2 / spread);
    }
}
