using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Groups of alike rows of a matrix by Lloyd's k-means, with the choices and the order of scikit-learn's
/// <c>KMeans(init="random", n_init=1)</c>, since files of AdaMSS name the groups and not their rows.</summary>
/// <remarks>Source: Lloyd 1982, IEEE Transactions on Information Theory 28(2).</remarks>
internal static class RowClusters
{
    private const double Tolerance = 1e-4;

    /// <summary>The rows of each group, in order.</summary>
    /// <param name="matrix">(rows, columns).</param>
    /// <param name="count">How many groups, at most the rows.</param>
    /// <param name="rounds">Most rounds.</param>
    /// <param name="seed">Seed of the first centres, which are rows.</param>
    public static long[][] Of(Tensor matrix, int count, int rounds, uint seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (rows, columns) = ((int)matrix.size(0), (int)matrix.size(1));
        var x = matrix.to(ScalarType.Float32).cpu();
        var tolerance = x.var(0, unbiased: false).mean().item<float>() * Tolerance;
        x = x - x.mean([0L], keepdim: true);
        var data = Rows(x, rows, columns);
        var centres = new NumpyRandomState(seed).Choose(count, rows).Select(row => (double[])data[row].Clone()).ToArray();
        var groups = new int[rows];
        Array.Fill(groups, -1);
        for (var round = 0; round < rounds; round++)
        {
            var before = (int[])groups.Clone();
            var distances = Assign(data, centres, groups);
            var moved = Means(data, groups, count, distances);
            var shift = moved.Zip(centres, Distance).Sum();
            centres = moved;
            if (groups.AsSpan().SequenceEqual(before))
            {
                return Members(groups, count);
            }

            if (shift <= tolerance)
            {
                break;
            }
        }

        Assign(data, centres, groups);
        return Members(groups, count);
    }

    private static double[][] Rows(Tensor x, int rows, int columns)
    {
        var flat = x.contiguous().data<float>().ToArray();
        return [.. Enumerable.Range(0, rows).Select(row => flat.Skip(row * columns).Take(columns).Select(v => (double)v).ToArray())];
    }

    private static double[] Assign(double[][] data, double[][] centres, int[] groups)
    {
        var distances = new double[data.Length];
        for (var row = 0; row < data.Length; row++)
        {
            var all = centres.Select(centre => Distance(data[row], centre)).ToArray();
            groups[row] = Array.IndexOf(all, all.Min());
            distances[row] = all[groups[row]];
        }

        return distances;
    }

    // A group that lost all of its rows takes the row that is farthest from its centre.
    private static double[][] Means(double[][] data, int[] groups, int count, double[] distances)
    {
        var columns = data[0].Length;
        var sums = Enumerable.Range(0, count).Select(_ => new double[columns]).ToArray();
        var sizes = new int[count];
        for (var row = 0; row < data.Length; row++)
        {
            Add(sums[groups[row]], data[row], 1);
            sizes[groups[row]]++;
        }

        var farthest = new Queue<int>(Enumerable.Range(0, data.Length).OrderByDescending(row => distances[row]));
        for (var group = 0; group < count; group++)
        {
            if (sizes[group] == 0)
            {
                var row = farthest.Dequeue();
                Add(sums[groups[row]], data[row], -1);
                sizes[groups[row]]--;
                (sums[group], sizes[group]) = ((double[])data[row].Clone(), 1);
            }
        }

        return [.. sums.Select((sum, group) => sum.Select(v => v / Math.Max(1, sizes[group])).ToArray())];

        static void Add(double[] sum, double[] row, double sign)
        {
            for (var k = 0; k < sum.Length; k++)
            {
                sum[k] += sign * row[k];
            }
        }
    }

    private static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum();

    private static long[][] Members(int[] groups, int count)
        => [.. Enumerable.Range(0, count).Select(group => Enumerable.Range(0, groups.Length).Where(row => groups[row] == group).Select(row => (long)row).ToArray())];
}
