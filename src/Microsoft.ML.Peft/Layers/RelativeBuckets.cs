using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>DeBERTa's distances between tokens: exact up to half the buckets, by logarithm beyond.</summary>
internal static class RelativeBuckets
{
    /// <summary>Row of the table of distances for each query and key: <c>clamp(bucket(q − k) + span, 0, 2·span − 1)</c>.</summary>
    /// <param name="queries">Count of queries, from the first token on.</param>
    /// <param name="keys">Count of keys.</param>
    /// <param name="span">Half the rows of the table.</param>
    /// <param name="buckets">Count of buckets on each side, or 0 for plain distances.</param>
    /// <param name="farthest">Distance that falls in the last bucket.</param>
    /// <param name="device">Where the result lies.</param>
    /// <returns>(queries, keys), Int64.</returns>
    public static Tensor Index(long queries, long keys, int span, int buckets, int farthest, Device device)
    {
        var byDistance = Distances(Math.Max(queries, keys), buckets, farthest);
        var index = new long[queries * keys];
        for (long q = 0; q < queries; q++)
        {
            for (long k = 0; k < keys; k++)
            {
                var bucket = q >= k ? byDistance[q - k] : -byDistance[k - q];
                index[(q * keys) + k] = Math.Clamp(bucket + span, 0, (2L * span) - 1);
            }
        }

        return tensor(index, queries, keys, device: device);
    }

    /// <summary>The bucket of each distance 0, 1, …: <c>ceil(ln(d/m)/ln((farthest − 1)/m)·(m − 1)) + m</c> beyond m = buckets/2.</summary>
    internal static long[] Distances(long count, int buckets, int farthest)
    {
        var middle = buckets / 2;
        var result = new long[count];
        for (var d = 0; d < result.Length; d++)
        {
            // In single precision and in this order, as the checkpoints were trained with.
            result[d] = buckets == 0 || d <= middle
                ? d
                : (long)MathF.Ceiling(MathF.Log((float)d / middle) / MathF.Log((float)((farthest - 1) / (double)middle)) * (middle - 1)) + middle;
        }

        return result;
    }
}
