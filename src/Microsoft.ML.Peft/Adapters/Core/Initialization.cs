using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Random start values; every number comes from one seeded stream, so that the same seed gives the same adapter.</summary>
public sealed class Initialization : IDisposable
{
    private readonly Generator _generator;
    private readonly Device _device;

    /// <summary>Starts the stream.</summary>
    /// <param name="seed">The seed: numbers are drawn on the CPU, so that they are the same on every device.</param>
    /// <param name="device">Where the tensors go; null for the CPU.</param>
    public Initialization(long seed, Device? device = null)
        => (_generator, _device) = (new Generator(unchecked((ulong)seed)), device ?? CPU);

    /// <summary>Another stream for the same device, which begins at a seed of the settings.</summary>
    public Initialization Seeded(long seed) => new(seed, _device);

    /// <summary>Uniform on ±1/√fan_in, with fan_in the last dimension: PyTorch's Kaiming-uniform with a = √5.</summary>
    public Tensor KaimingUniform(params long[] shape)
        => Uniform(1 / Math.Sqrt(shape[^1]), shape);

    /// <summary>The same for the filters of a convolution, with fan_in all dimensions but the first.</summary>
    public Tensor KaimingUniformFilters(params long[] shape)
        => Uniform(1 / Math.Sqrt(shape[1..].Aggregate(1.0, (product, size) => product * size)), shape);

    /// <summary>Normal with mean 0.</summary>
    public Tensor Normal(double deviation, params long[] shape) => randn(shape, generator: _generator).mul_(deviation).to(_device);

    /// <summary>Uniform on ±<paramref name="bound"/>: to the last bit what PyTorch draws on the CPU from the same seed.</summary>
    /// <param name="bound">Largest number.</param>
    /// <param name="type">Type in which the numbers are drawn; the result is of it.</param>
    /// <param name="shape">The shape.</param>
    public Tensor Uniform(double bound, ScalarType type, params long[] shape)
        => empty(shape, type).uniform_(-bound, bound, _generator).to(_device);

    /// <summary>Uniform on ±<paramref name="bound"/>, Float32.</summary>
    public Tensor Uniform(double bound, params long[] shape) => Uniform(bound, ScalarType.Float32, shape);

    /// <summary>Uniform on 0 to 1: PyTorch's <c>rand</c>.</summary>
    public Tensor Share(params long[] shape) => rand(shape, generator: _generator).to(_device);

    /// <summary>The numbers from 0 to n − 1 in a random order: PyTorch's <c>randperm</c>.</summary>
    public long[] Permutation(int n)
    {
        using var order = randperm(n, ScalarType.Int64, generator: _generator);
        return order.data<long>().ToArray();
    }

    /// <summary>The same number everywhere.</summary>
    public Tensor Constant(double value, params long[] shape) => full(shape, value, ScalarType.Float32, _device);

    /// <summary>Zeros.</summary>
    public Tensor Zeros(params long[] shape) => zeros(shape, device: _device);

    /// <summary>Numbers that were not drawn, where the adapter is.</summary>
    public Tensor Place(Tensor values) => values.to(_device);

    /// <inheritdoc/>
    public void Dispose() => _generator.Dispose();
}
