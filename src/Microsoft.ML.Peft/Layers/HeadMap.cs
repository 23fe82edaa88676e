namespace Microsoft.ML.Peft.Layers;

/// <summary>Which rows of an attention's layers belong to which head.</summary>
/// <param name="Query">Rows of the queries.</param>
/// <param name="Key">Rows of the keys, by key head.</param>
/// <param name="Value">Rows of the values, by key head.</param>
/// <param name="Output">The layer after the heads; head h has its columns h·d to (h + 1)·d − 1.</param>
/// <param name="Heads">Count of heads.</param>
/// <param name="KeyHeads">Count of heads of keys and values; each serves Heads ÷ KeyHeads heads that follow each other.</param>
/// <param name="Size">Width d of a head.</param>
public sealed record HeadMap(HeadRows Query, HeadRows Key, HeadRows Value, LinearLayer Output, int Heads, int KeyHeads, int Size)
{
    /// <summary>An attention with a layer each for queries, keys and values.</summary>
    internal static HeadMap Of(LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer output, long heads, long size, long? keyHeads = null)
        => new(new(query, 0, size), new(key, 0, size), new(value, 0, size), output, (int)heads, (int)(keyHeads ?? heads), (int)size);

    /// <summary>An attention with one layer for all queries, then all keys, then all values.</summary>
    internal static HeadMap Fused(LinearLayer all, LinearLayer output, long heads, long size, long? keyHeads = null)
    {
        var keys = keyHeads ?? heads;
        return new(new(all, 0, size), new(all, heads * size, size), new(all, (heads + keys) * size, size), output, (int)heads, (int)keys, (int)size);
    }

    /// <summary>An attention with one layer in which query, key and value of a head lie together.</summary>
    internal static HeadMap Together(LinearLayer all, LinearLayer output, long heads, long size)
        => new(new(all, 0, 3 * size), new(all, size, 3 * size), new(all, 2 * size, 3 * size), output, (int)heads, (int)heads, (int)size);

    /// <summary>The key head that serves a head.</summary>
    public int KeyHeadOf(int head) => head / (Heads / KeyHeads);
}

/// <summary>Rows of a layer by head: those of head h begin at <c>Offset + h·Stride</c>.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Offset">First row of head 0.</param>
/// <param name="Stride">Rows from one head to the next.</param>
public readonly record struct HeadRows(LinearLayer Layer, long Offset, long Stride)
{
    /// <summary>First row of a head.</summary>
    public long Of(int head) => Offset + (head * Stride);
}
