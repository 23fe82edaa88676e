namespace Microsoft.ML.Peft.Native;

/// <summary>Memory of one GPU as libtorch's allocator sees it, in bytes.</summary>
/// <param name="Allocated">Held by tensors now.</param>
/// <param name="PeakAllocated">Most held by tensors since <see cref="ResetPeak"/>.</param>
/// <param name="Reserved">Taken from the device now.</param>
/// <param name="PeakReserved">Most taken from the device since <see cref="ResetPeak"/>.</param>
/// <param name="Free">Free on the device, for every process.</param>
/// <param name="Total">Size of the device.</param>
public sealed record DeviceMemory(long Allocated, long PeakAllocated, long Reserved, long PeakReserved, long Free, long Total)
{
    /// <summary>Reads the figures of a device.</summary>
    /// <exception cref="NotSupportedException">The native library is not there.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">There is no such device, or the library was built without CUDA.</exception>
    public static unsafe DeviceMemory Of(int device)
    {
        Bridge.Require("A memory figure");
        var figures = stackalloc long[6];
        Bridge.Check(Bridge.peft_cuda_memory(device, figures));
        return new(figures[0], figures[1], figures[2], figures[3], figures[4], figures[5]);
    }

    /// <summary>Starts the peaks anew.</summary>
    public static void ResetPeak(int device)
    {
        Bridge.Require("A memory figure");
        Bridge.Check(Bridge.peft_cuda_reset_peak(device));
    }

    /// <summary>Gives memory that no tensor holds back to the device.</summary>
    public static void EmptyCache()
    {
        Bridge.Require("Emptying the cache");
        Bridge.Check(Bridge.peft_cuda_empty_cache());
    }
}
