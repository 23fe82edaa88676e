using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The random matrices of <see cref="RandLora"/>: to the last bit those of HF PEFT for the same seed.</summary>
internal static class RandomBases
{
    /// <summary>A (r, 1, m) and B (M, ⌈m/r⌉, r) for the widest targets, with deviation 1.</summary>
    public static SharedProjections Shared(RandLoraOptions options, AdapterBuild build)
    {
        var (inputs, outputs) = build.WidestLinear();
        var (smaller, larger, rank) = (Math.Min(inputs, outputs), Math.Max(inputs, outputs), options.Rank);
        using var scope = NewDisposeScope();
        using var stream = build.Initialization.Seeded(options.ProjectionKey);
        long[] shape = [rank, 1, smaller];
        Tensor a, b;
        if (options.Sparse || options.VerySparse)
        {
            var share = options.VerySparse ? Math.Sqrt(smaller) : 3;
            a = Ternary(stream.Share(shape), share);
            b = Ternary(stream.Share(larger, RandLoraOptions.BasesOf(smaller, rank), rank), share);
        }
        else
        {
            // HF PEFT draws and scales them in BFloat16.
            a = stream.Uniform(1 / Math.Sqrt(smaller), ScalarType.BFloat16, shape);
            b = cat([.. Enumerable.Range(0, (int)RandLoraOptions.BasesOf(smaller, rank))
                .Select(_ => stream.Uniform(1 / Math.Sqrt(rank), ScalarType.BFloat16, larger, 1, rank))], 1);
        }

        return new SharedProjections("randlora", Unit(a), Unit(b), options.SaveProjection);

        Tensor Unit(Tensor matrix) => (matrix / matrix.std()).to(options.ProjectionType ?? ScalarType.Float32);
    }

    private static Tensor Ternary(Tensor share, double sparsity)
        => share.gt(1 - (1 / (2 * sparsity))).to(ScalarType.Float32) - share.lt(1 / (2 * sparsity)).to(ScalarType.Float32);
}
