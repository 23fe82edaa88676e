using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Opens a file that must be a plain file: a pipe would block for ever, a device would never end.</summary>
internal static class RegularFile
{
    private const int LinuxNonBlocking = 0x800 | 0x80000; // O_NONBLOCK | O_CLOEXEC; O_RDONLY is 0 everywhere
    private const int MacNonBlocking = 0x4 | 0x1000000;

    /// <summary>Opens <paramref name="path"/> for reading at any offset.</summary>
    /// <exception cref="ModelFormatException">It is not there, or no regular file.</exception>
    public static SafeFileHandle Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw NotRegular(path, "is a folder");
        SafeFileHandle handle;
        try
        {
            handle = OpenWithoutWaiting(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            if (new FileInfo(path).LinkTarget != null)
                throw NotRegular(path, "is a link to nothing");
            throw new ModelFormatException(path, ModelFormatError.MissingFile, "no such file.");
        }
        try
        {
            CheckContent(path, handle);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads the whole of a regular file of at most <paramref name="limit"/> bytes.</summary>
    public static byte[] ReadAll(string path, long limit)
    {
        using var handle = Open(path);
        var length = RandomAccess.GetLength(handle);
        if (length > limit)
            throw new ModelFormatException(path, ModelFormatError.LimitExceeded, $"the file has {length} bytes; at most {limit} are allowed.");
        var bytes = new byte[length];
        ReadExactly(handle, path, bytes, 0);
        return bytes;
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    /// <exception cref="IOException">The file ends earlier than it did when it was opened.</exception>
    public static void ReadExactly(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            var read = RandomAccess.Read(handle, destination, offset);
            if (read == 0)
                throw new EndOfStreamException($"{path}: the file ended at byte {offset}, {destination.Length} bytes early; it was cut off while it was read.");
            destination = destination[read..];
            offset += read;
        }
    }

    private static SafeFileHandle OpenWithoutWaiting(string path)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        // Opening a pipe waits for its writer unless the system is told not to, which .NET has no word for.
        var fd = NativeOpen(path, OperatingSystem.IsLinux() ? LinuxNonBlocking : MacNonBlocking);
        // The ordinary call has the better errors: it fails with the reason.
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : File.OpenHandle(path);
    }

    private static void CheckContent(string path, SafeFileHandle handle)
    {
        long length;
        try
        {
            length = RandomAccess.GetLength(handle);
        }
        catch (NotSupportedException)
        {
            throw NotRegular(path, "is a pipe or a socket");
        }
        // A device has length 0 and bytes all the same.
        Span<byte> probe = stackalloc byte[1];
        if (length == 0 && RandomAccess.Read(handle, probe, 0) != 0)
            throw NotRegular(path, "is a device");
    }

    private static ModelFormatException NotRegular(string path, string what) =>
        new(path, ModelFormatError.NotRegularFile, $"the path {what}; it must be a regular file.");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int NativeOpen([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
