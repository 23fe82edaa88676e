namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Chooses a few rows of each class.</summary>
public static class FewShotSample
{
    /// <summary>Rows of the sample, class by class.</summary>
    /// <param name="labels">Class of each row.</param>
    /// <param name="shots">Rows of each class: 1 or more.</param>
    /// <param name="seed">Seed; the same one gives the same rows.</param>
    /// <exception cref="ArgumentException">A class has fewer rows.</exception>
    public static int[] Draw(IReadOnlyList<int> labels, int shots, int seed)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Guard.AtLeast(shots, 1);
        var random = new Random(seed); // a seeded Random draws by a fixed algorithm
        var sample = new List<int>();
        foreach (var rows in Enumerable.Range(0, labels.Count).GroupBy(k => labels[k]).OrderBy(g => g.Key))
        {
            var shuffled = rows.ToArray();
            if (shuffled.Length < shots)
            {
                throw new ArgumentException($"Class {rows.Key} has {shuffled.Length} rows; {shots} are asked for. Ask for fewer, or leave the class out.", nameof(shots));
            }

            random.Shuffle(shuffled);
            sample.AddRange(shuffled[..shots].Order());
        }

        return [.. sample];
    }
}
