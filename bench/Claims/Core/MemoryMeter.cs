using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Peft.Native;

namespace Bench.Claims.Core;

/// <summary>Memory in MiB that a piece of work takes: libtorch's own figures on a GPU, the process's resident memory on the CPU, which needs Linux.</summary>
internal static class MemoryMeter
{
    private const string Status = "/proc/self/status";

    private const int LargeBlocks = -3; // M_MMAP_THRESHOLD of glibc's mallopt

    private static readonly nint s_libc = OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var libc) ? libc : 0;
    private static readonly Trim? s_trim = Export<Trim>("malloc_trim");

    private delegate int Trim(nuint pad);

    private delegate int Option(int name, int value);

    /// <summary>From now on blocks of 1 MiB and more go back to the system as soon as they are freed, so that resident memory is what is held. It costs time.</summary>
    public static void Settle() => Export<Option>("mallopt")?.Invoke(LargeBlocks, 1 << 20);

    /// <summary>What is held now; memory that was freed and not given back to the system does not count.</summary>
    public static double Held(string device)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (device != "cpu")
        {
            return DeviceMemory.Of(0).Allocated / 1048576.0;
        }

        s_trim?.Invoke(0);
        return Read("VmRSS:");
    }

    /// <summary>The most that some work holds beyond what was held before it.</summary>
    public static double Peak(string device, Action work)
    {
        var before = Held(device);
        if (device != "cpu")
        {
            DeviceMemory.ResetPeak(0);
            work();
            return (DeviceMemory.Of(0).PeakAllocated / 1048576.0) - before;
        }

        File.WriteAllText("/proc/self/clear_refs", "5"); // the high-water mark starts anew at what is resident now
        work();
        return Read("VmHWM:") - before;
    }

    private static T? Export<T>(string name)
        where T : Delegate
        => s_libc != 0 && NativeLibrary.TryGetExport(s_libc, name, out var entry) ? Marshal.GetDelegateForFunctionPointer<T>(entry) : null;

    private static double Read(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Resident memory is read from /proc, which only Linux has; run this claim there or with --device cuda.");
        }

        var line = File.ReadLines(Status).First(l => l.StartsWith(name, StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
