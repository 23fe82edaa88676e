namespace Microsoft.ML.Peft.Inputs.Batching;

/// <summary>How rows become batches.</summary>
public sealed record LoaderOptions
{
    /// <summary>Rows of a batch, 1 or more. Default 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>How many rows are prepared at once, 1 to 1024. Default: the number of processors. Batches do not depend on it.</summary>
    public int Threads { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 1024);

    /// <summary>Batches that may be in work or ready while another one is used, 1 or more. Default 4.</summary>
    public int BatchesAhead { get; init; } = 4;

    /// <summary>Batches of rows that are sorted by length together, 1 or more: more make batches more even and need more memory. Default 16.</summary>
    public int BatchesInPool { get; init; } = 16;

    /// <summary>Whether the order is drawn anew each epoch: of all rows where they are a list, within pools where they are a stream. Default true.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Whether a last batch that is not full is left out. Default false.</summary>
    public bool DropLast { get; init; }

    /// <summary>With the epoch, all that the order and random changes of rows depend on. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">One is outside its range.</exception>
    public void Validate()
    {
        Guard.InRange(BatchSize, 1, 1 << 16);
        Guard.InRange(Threads, 1, 1024);
        Guard.InRange(BatchesAhead, 1, 1024);
        Guard.InRange(BatchesInPool, 1, 1024);
    }
}
