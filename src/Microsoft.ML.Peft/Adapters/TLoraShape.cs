namespace Microsoft.ML.Peft.Adapters;

/// <summary>Sides of layers as products, for the cores of <see cref="TLora"/>.</summary>
internal static class TLoraShape
{
    /// <summary>The authors' factors where they name some, else those of least sum, ascending.</summary>
    /// <param name="size">The side, 1 or more.</param>
    /// <param name="count">Count of factors: 2 or 3.</param>
    public static long[] Of(long size, int count) => (size, count) switch
    {
        (320, 3) => [4, 8, 10], // theirs; 5·8·8 would be smaller
        (_, 2) => Pair(size),
        _ => Divisors(size).Select(first => (long[])[first, .. Pair(size / first)]).OrderBy(shape => shape.Sum()).ThenBy(shape => shape[^1])
            .Select(shape => shape.Order().ToArray()).First(),
    };

    // The pair of divisors nearest to each other has the least sum.
    private static long[] Pair(long size)
    {
        var small = Divisors(size).Last(d => d <= size / d);
        return [small, size / small];
    }

    private static IEnumerable<long> Divisors(long size)
    {
        for (long d = 1; d <= size / d; d++)
        {
            if (size % d == 0)
            {
                yield return d;
            }
        }
    }
}
