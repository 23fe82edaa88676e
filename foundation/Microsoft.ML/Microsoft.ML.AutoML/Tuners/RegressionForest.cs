namespace Microsoft.ML.AutoML;

/// <summary>Regression trees over random rows and features: what loss to expect at a point, and how sure that is.</summary>
internal sealed class RegressionForest
{
    private const double RowShare = 0.7;

    private readonly Node[] _trees;

    public RegressionForest(double[][] points, double[] losses, int trees, int rowsPerLeaf, double featureShare, Random random)
    {
        int dimension = points.Length == 0 ? 0 : points[0].Length;
        int features = Math.Clamp((int)Math.Ceiling(featureShare * dimension), Math.Min(1, dimension), dimension);
        int rows = Math.Max(1, (int)Math.Round(RowShare * points.Length));
        _trees = new Node[Math.Max(1, trees)];
        for (int t = 0; t < _trees.Length; t++)
        {
            var drawn = random.GetItems(Enumerable.Range(0, points.Length).ToArray(), rows);
            var order = Enumerable.Range(0, dimension).ToArray();
            random.Shuffle(order);
            _trees[t] = Grow(points, losses, drawn, order[..features], Math.Max(1, rowsPerLeaf));
        }
    }

    /// <summary>A split at a coordinate, or a leaf with the mean loss of its rows.</summary>
    private sealed record Node(double Mean, int Feature = -1, double Threshold = 0, Node Low = null, Node High = null);

    private static Node Grow(double[][] points, double[] losses, int[] rows, int[] features, int rowsPerLeaf)
    {
        double mean = rows.Average(r => losses[r]);
        var best = (Gain: 1e-15, Feature: -1, Threshold: 0.0);
        foreach (int feature in features)
        {
            var sorted = rows.OrderBy(r => points[r][feature]).ToArray();
            double below = 0;
            for (int i = 1; i < sorted.Length; i++)
            {
                below += losses[sorted[i - 1]] - mean;
                double a = points[sorted[i - 1]][feature], b = points[sorted[i]][feature];
                if (a == b || i < rowsPerLeaf || sorted.Length - i < rowsPerLeaf)
                    continue;
                // Deviations sum to zero, so this is what the split takes off the sum of squares.
                double gain = below * below * (1.0 / i + 1.0 / (sorted.Length - i));
                if (gain > best.Gain)
                    best = (gain, feature, (a + b) / 2);
            }
        }
        if (best.Feature < 0)
            return new Node(mean);
        var sides = rows.ToLookup(r => points[r][best.Feature] <= best.Threshold);
        return new Node(mean, best.Feature, best.Threshold,
            Grow(points, losses, sides[true].ToArray(), features, rowsPerLeaf), Grow(points, losses, sides[false].ToArray(), features, rowsPerLeaf));
    }

    private static double Predict(Node node, double[] point)
    {
        while (node.Feature >= 0)
            node = point[node.Feature] <= node.Threshold ? node.Low : node.High;
        return node.Mean;
    }

    /// <summary>How far below <paramref name="best"/> the loss falls on average, were it normal with the trees' mean and deviation.</summary>
    public double ExpectedImprovement(double[] point, double best)
    {
        double sum = 0, squares = 0;
        foreach (var tree in _trees)
        {
            double p = Predict(tree, point);
            sum += p;
            squares += p * p;
        }
        double mean = sum / _trees.Length, deviation = Math.Sqrt(Math.Max(0, squares / _trees.Length - mean * mean));
        double lead = best - mean;
        if (deviation < 1e-12)
            return lead;
        double z = lead / deviation;
        return lead * NormalBelow(z) + deviation * Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
    }

    // Φ by the error function's rational approximation, Abramowitz and Stegun 7.1.26: to 1.5e-7.
    private static double NormalBelow(double z)
    {
        double x = Math.Abs(z) / Math.Sqrt(2), t = 1 / (1 + 0.3275911 * x);
        double tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.Exp(-x * x);
        return z >= 0 ? 1 - tail / 2 : tail / 2;
    }
}
