using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Positions that a seed chooses without repetition, as PyTorch's <c>randperm</c> on the CPU does, so that files need not hold them.</summary>
internal sealed class SeededPositions(long seed) : IDisposable
{
    private readonly Generator _generator = new(unchecked((ulong)seed));

    /// <summary>The seed of a PyTorch generator that was given none.</summary>
    public const long DefaultSeed = 67280421310721;

    /// <summary>The next draw: <paramref name="count"/> of the positions 0 … <paramref name="from"/> − 1, Int64, in the order of the draw.</summary>
    public Tensor Next(long count, long from)
    {
        using var order = randperm(from, ScalarType.Int64, generator: _generator);
        return order.narrow(0, 0, count).clone();
    }

    /// <summary>The first draw of a seed.</summary>
    public static Tensor Draw(long seed, long count, long from)
    {
        using var positions = new SeededPositions(seed);
        return positions.Next(count, from);
    }

    public void Dispose() => _generator.Dispose();
}
