using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Numbers by a formula, from which HF PEFT's own functions have computed what tests of the measured starts expect.</summary>
internal static class StartInputs
{
    /// <summary><c>sin(1.3·(i + 1)·(j + 1) + k) + ½·cos(0.7·i·(j + 2) − k) + j/10</c>.</summary>
    public static Tensor Rows(int rows, int columns, int k)
    {
        var numbers = from i in Enumerable.Range(0, rows)
                      from j in Enumerable.Range(0, columns)
                      select (float)(Math.Sin((1.3 * (i + 1) * (j + 1)) + k) + (0.5 * Math.Cos((0.7 * i * (j + 2)) - k)) + (0.1 * j));
        return tensor(numbers.ToArray()).view(rows, columns);
    }

    /// <summary>An adapter of r = 2 on one layer with the weight (4, 5) of the formula for 9.</summary>
    public static AdapterSet Adapter(LoraOptions options)
    {
        var layer = new LinearLayer("query", 0, new DenseWeight(Rows(4, 5, 9).DetachFromDisposeScope()), null);
        using var initialization = new Initialization(0);
        return AdapterSet.Of("adapter", options, [.. options.CreateParts(new AdapterBuild([layer], initialization))], 1);
    }

    public static Tensor Values(int rows, params float[] numbers) => tensor(numbers).view(rows, -1);
}
