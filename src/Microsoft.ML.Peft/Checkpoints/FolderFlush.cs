using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Makes renames inside a folder survive a power loss.</summary>
internal static class FolderFlush
{
    /// <summary>Asks the system to write the folder's entries to the disk; systems that do so by themselves are left alone.</summary>
    public static void ToDisk(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return;
        var fd = NativeOpen(folder, 0);
        if (fd < 0)
            return; // A folder that may be written but not listed: the rename stands, only its flush is left to the system.
        _ = NativeSync(fd);
        _ = NativeClose(fd);
    }

    [DllImport("libc", EntryPoint = "open")]
    private static extern int NativeOpen([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    private static extern int NativeSync(int fd);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int NativeClose(int fd);
}
