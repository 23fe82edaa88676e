namespace Microsoft.ML.Peft.Inputs.Batching;

/// <summary>Reads rows, prepares them on background threads (tokenises, decodes, augments) and groups them into batches of about one length.</summary>
/// <remarks>Rows, settings and epoch decide the batches; the number of threads does not.</remarks>
/// <typeparam name="TRow">What is read, such as a text or a path.</typeparam>
/// <typeparam name="TExample">What a row becomes, such as token ids or pixels.</typeparam>
public sealed class BatchLoader<TRow, TExample>
{
    // Numbers drawn for the order of rows must not be those of a row.
    private const long OrderOfRows = -1;
    private const long OrderOfPools = -2;

    private readonly IEnumerable<TRow> _rows;
    private readonly Func<TRow, Random, TExample> _prepare;
    private readonly Func<TExample, int>? _length;

    /// <summary>Makes a loader.</summary>
    /// <param name="rows">The rows, read anew each epoch: a list, whose order can be drawn, or a stream.</param>
    /// <param name="prepare">What becomes of a row; it may draw from the numbers of the row and is called on several threads at once.</param>
    /// <param name="length">Length of an example, by which batches are made even; null where all are of one length.</param>
    /// <param name="options">Batch size, threads, look-ahead, seed.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public BatchLoader(IEnumerable<TRow> rows, Func<TRow, Random, TExample> prepare, Func<TExample, int>? length = null, LoaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(prepare);
        Options = options ?? new LoaderOptions();
        Options.Validate();
        (_rows, _prepare, _length) = (rows, prepare, length);
    }

    /// <summary>Batch size, threads, look-ahead, seed.</summary>
    public LoaderOptions Options { get; }

    /// <summary>The batches of an epoch, one after the other while others are prepared.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="cancellation">Ends the sequence with an <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<IReadOnlyList<TExample>> Epoch(int epoch, CancellationToken cancellation = default)
    {
        Guard.AtLeast(epoch, 0);
        return Batches(epoch, cancellation);
    }

    private IEnumerable<IReadOnlyList<TExample>> Batches(int epoch, CancellationToken cancellation)
    {
        var rowsInPool = Options.BatchSize * (_length is null ? 1 : Options.BatchesInPool);
        var pool = new List<TExample>(rowsInPool);
        var random = RowRandom.Of(Options.Seed, epoch, OrderOfPools);
        // What waits in the pool is beside what is ahead.
        var prepared = LookAhead.Map(
            Numbered(epoch), (item, _) => _prepare(item.Row, RowRandom.Of(Options.Seed, epoch, item.Number)), Options.Threads,
            Math.Max(Options.Threads, Options.BatchSize * Options.BatchesAhead), cancellation);
        foreach (var example in prepared)
        {
            pool.Add(example);
            if (pool.Count == rowsInPool)
            {
                foreach (var batch in Cut(pool, random))
                    yield return batch;
                pool.Clear();
            }
        }
        foreach (var batch in Cut(pool, random))
            yield return batch;
    }

    /// <summary>The rows with their numbers in the order of the epoch.</summary>
    private IEnumerable<(TRow Row, long Number)> Numbered(int epoch)
    {
        if (Options.Shuffle && _rows is IReadOnlyList<TRow> list)
        {
            var order = Enumerable.Range(0, list.Count).ToArray();
            RowRandom.Of(Options.Seed, epoch, OrderOfRows).Shuffle(order);
            foreach (var k in order)
                yield return (list[k], k);
            yield break;
        }
        long number = 0;
        foreach (var row in _rows)
            yield return (row, number++);
    }

    private IEnumerable<TExample[]> Cut(List<TExample> pool, Random random)
    {
        var examples = pool.ToArray();
        if (Options.Shuffle)
            random.Shuffle(examples);
        // A stable sort: rows of one length stay in the order that was drawn.
        IEnumerable<TExample> ordered = _length is null ? examples : examples.OrderBy(_length);
        var batches = ordered.Chunk(Options.BatchSize)
            .Where(batch => !Options.DropLast || batch.Length == Options.BatchSize).ToArray();
        if (Options.Shuffle)
            random.Shuffle(batches);
        return batches;
    }
}
