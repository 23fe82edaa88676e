namespace Microsoft.ML.Peft.Training;

/// <summary>Cuts the rows of an epoch into batches of rows of about one length, in an order that depends on seed and epoch alone.</summary>
internal sealed class BatchPlan(IReadOnlyList<int> lengths, int batchSize, int seed)
{
    // Rows are sorted by length within such a pool: batches get even, and the order stays random enough.
    private const int BatchesInPool = 32;

    /// <summary>Batches an epoch.</summary>
    public int BatchCount => (lengths.Count + batchSize - 1) / batchSize;

    /// <summary>The batches of an epoch, as indices of rows; every row once.</summary>
    public IReadOnlyList<int[]> Epoch(int epoch)
    {
        var random = new Random(unchecked((seed * 1_000_003) + epoch)); // a seeded Random draws by a fixed algorithm
        var rows = Enumerable.Range(0, lengths.Count).ToArray();
        random.Shuffle(rows);
        var batches = rows.Chunk(batchSize * BatchesInPool)
            .SelectMany(pool => pool.OrderBy(row => lengths[row]).Chunk(batchSize))
            .ToArray();
        random.Shuffle(batches);
        return batches;
    }
}
