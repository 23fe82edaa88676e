using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Asks the system to back memory that is about to be filled with large pages.</summary>
/// <remarks>The first touch of each 4 KiB page costs more than copying a file from the cache into it; with pages of 2 MiB there are 512
/// times fewer. It is a wish: a system that does not know it goes on as before.</remarks>
internal static partial class LargePages
{
    private const nuint Page = 2 << 20;
    private const int Advice = 14; // MADV_HUGEPAGE

    /// <summary>Asks for the whole pages inside <paramref name="memory"/>, which must stay where it is.</summary>
    public static unsafe void Ask(Span<byte> memory)
    {
        if (!OperatingSystem.IsLinux() || (nuint)memory.Length < 2 * Page)
            return;
        fixed (byte* start = memory)
        {
            var first = ((nuint)start + Page - 1) & ~(Page - 1);
            var end = ((nuint)start + (nuint)memory.Length) & ~(Page - 1);
            _ = NativeAdvise(first, end - first, Advice);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int NativeAdvise(nuint address, nuint length, int advice);
}
