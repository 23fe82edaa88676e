using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Where a base model's weights lie and in which type it computes; adapters are always Float32.</summary>
/// <param name="Device">The device.</param>
/// <param name="Precision">Float32 or BFloat16; on a GPU Float16 too.</param>
public sealed record Placement(Device Device, ScalarType Precision)
{
    /// <summary>Float32 on the CPU.</summary>
    public static Placement Cpu { get; } = new(CPU, ScalarType.Float32);

    /// <summary>A placement by the name of its device.</summary>
    /// <param name="device"><c>cpu</c>, <c>cuda</c> (the first GPU) or <c>cuda:N</c>.</param>
    /// <param name="precision">The type; null for BFloat16 on a GPU and Float32 on the CPU.</param>
    /// <exception cref="PeftException">There is no such device, or it does not compute in that type.</exception>
    public static Placement On(string device, ScalarType? precision = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(device);
        if (device == "cpu")
        {
            return precision switch
            {
                null or ScalarType.Float32 => Cpu,
                ScalarType.BFloat16 => new(CPU, ScalarType.BFloat16),
                _ => throw new PeftException($"The precision {precision} is not supported on the CPU; use Float32 or BFloat16."),
            };
        }

        var index = device == "cuda" ? 0 : device.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(device["cuda:".Length..], out var given) ? given : -1;
        if (index < 0)
        {
            throw new PeftException($"The device '{device}' is not known; it must be cpu, cuda or cuda:N.");
        }

        var there = cuda.is_available() ? cuda.device_count() : 0;
        if (index >= there)
        {
            throw new PeftException($"The device '{device}' is not there; this machine has {there} GPU{(there == 1 ? "" : "s")} that libtorch can use. Use cpu.");
        }

        return precision is null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16
            ? new(new Device(TorchSharp.DeviceType.CUDA, index), precision ?? ScalarType.BFloat16)
            : throw new PeftException($"The precision {precision} is not supported; use Float32, BFloat16 or Float16.");
    }
}
