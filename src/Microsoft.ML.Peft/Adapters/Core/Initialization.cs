using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Random start values; every number comes from one seeded stream, so that the same seed gives the same adapter.</summary>
public sealed class Initialization : IDisposable
{
    private readonly Generator _generator;

    /// <summary>Starts the stream.</summary>
    public Initialization(long seed) => _generator = new Generator(unchecked((ulong)seed));

    /// <summary>Uniform on ±1/√fan_in, with fan_in the last dimension: PyTorch's Kaiming-uniform with a = √5.</summary>
    public Tensor KaimingUniform(params long[] shape)
    {
        var bound = 1 / Math.Sqrt(shape[^1]);
        return rand(shape, generator: _generator).mul_(2 * bound).sub_(bound);
    }

    /// <summary>Normal with mean 0.</summary>
    public Tensor Normal(double deviation, params long[] shape) => randn(shape, generator: _generator).mul_(deviation);

    /// <inheritdoc/>
    public void Dispose() => _generator.Dispose();
}
