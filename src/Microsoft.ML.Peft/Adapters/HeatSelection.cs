using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Chooses the heads that HEAT silences; of equal scores the earlier block and head first.</summary>
internal static class HeatSelection
{
    /// <summary>The silent heads of each block.</summary>
    /// <param name="options">How many, and among which.</param>
    /// <param name="blocks">The heads of each block.</param>
    /// <param name="scores">The score of each head of each block, normalised in the block.</param>
    public static bool[][] Choose(HeatOptions options, IReadOnlyList<HeadMap> blocks, IReadOnlyList<IReadOnlyList<double>> scores)
    {
        var counts = blocks.Select(options.PrunedOf).ToArray();
        var silent = blocks.Select(heads => new bool[heads.Heads]).ToArray();
        switch (options.Selection)
        {
            case HeadSelection.PerLayer:
                for (var k = 0; k < silent.Length; k++)
                {
                    Lowest(scores[k], counts[k], silent[k]);
                }

                break;
            case HeadSelection.Accumulated:
                // Blocks of as many heads: all of most models, the stages of Swin.
                foreach (var group in Enumerable.Range(0, silent.Length).GroupBy(k => silent[k].Length))
                {
                    var sums = Enumerable.Range(0, group.Key).Select(h => group.Sum(k => scores[k][h])).ToArray();
                    foreach (var k in group)
                    {
                        Lowest(sums, counts[k], silent[k]);
                    }
                }

                break;
            default:
                var left = counts.Sum();
                foreach (var (k, h) in from k in Enumerable.Range(0, silent.Length) from h in Enumerable.Range(0, silent[k].Length) orderby scores[k][h] select (k, h))
                {
                    if (left > 0 && silent[k].Count(s => !s) > 1)
                    {
                        silent[k][h] = true;
                        left--;
                    }
                }

                break;
        }

        return silent;
    }

    private static void Lowest(IReadOnlyList<double> scores, int count, bool[] silent)
    {
        foreach (var h in Enumerable.Range(0, silent.Length).OrderBy(h => scores[h]).Take(count))
        {
            silent[h] = true;
        }
    }
}
