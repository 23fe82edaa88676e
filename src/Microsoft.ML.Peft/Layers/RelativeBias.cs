using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>T5's attention bias: a learned number for each head and each class of distances, narrow classes for near tokens and wide ones for far.</summary>
internal sealed class RelativeBias(EmbeddingLayer table, int maxDistance, bool bothWays)
{
    /// <summary>The bias of queries [first, first + queries) against keys [0, keys): (1, heads, queries, keys).</summary>
    public Tensor Of(long first, long queries, long keys, ForwardContext context)
    {
        var lowest = -(first + queries - 1); // distance of the last query to the first key
        var classes = new long[keys - lowest - first];
        for (var k = 0; k < classes.Length; k++)
        {
            classes[k] = Class(lowest + k, (int)table.Rows, maxDistance, bothWays);
        }

        var device = table.Weight.device;
        var byDistance = table.Forward(tensor(classes, device: device), context); // (distances, heads)
        var query = arange(first, first + queries, ScalarType.Int64, device).unsqueeze(1);
        var distance = arange(keys, ScalarType.Int64, device).unsqueeze(0) - query; // (queries, keys)
        return byDistance.index_select(0, distance.sub(lowest).view(-1)).view(queries, keys, -1).permute(2, 0, 1).unsqueeze(0);
    }

    /// <summary>The class of a distance, key less query: one each up to half of the classes, then ever wider ones up to the largest distance.</summary>
    internal static long Class(long distance, int classes, int maxDistance, bool bothWays)
    {
        long start = 0;
        if (bothWays)
        {
            classes /= 2;
            start = distance > 0 ? classes : 0;
            distance = Math.Abs(distance);
        }
        else
        {
            distance = Math.Max(-distance, 0);
        }

        var exact = classes / 2;
        if (distance < exact)
        {
            return start + distance;
        }

        // In single precision, as the checkpoints were trained with.
        var wide = MathF.Log(distance / (float)exact) / (float)Math.Log((double)maxDistance / exact) * (classes - exact);
        return start + Math.Min(exact + (long)wide, classes - 1);
    }
}
