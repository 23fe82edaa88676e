using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Numbers that a layer needs wherever it computes, such as frequencies or slopes.</summary>
/// <remarks>They are copied to a GPU once and stay there, so that a forward pass copies nothing from the host and can be recorded
/// as a CUDA graph.</remarks>
internal sealed class ConstantNumbers(float[] numbers)
{
    private readonly ConcurrentDictionary<int, Lazy<Tensor>> _there = new(); // by index of the GPU

    /// <summary>Count of numbers.</summary>
    public int Count => numbers.Length;

    /// <summary>The numbers (count) on a device. On the CPU a new tensor, elsewhere one that the caller must not change.</summary>
    public Tensor On(Device device)
        => device.type == TorchSharp.DeviceType.CUDA
            ? _there.GetOrAdd(device.index, _ => new(() => tensor(numbers, device: device).DetachFromDisposeScope())).Value
            : tensor(numbers, device: device);
}
