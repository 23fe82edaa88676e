using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Checkpoints;

/// <summary>Safetensors files made byte by byte, good and bad.</summary>
internal static class SafetensorsFile
{
    public static byte[] Of(string header, int dataLength = 0) => Of(Encoding.UTF8.GetBytes(header), dataLength);

    public static byte[] Of(ReadOnlySpan<byte> header, int dataLength = 0)
    {
        var file = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file.AsSpan(8));
        for (var i = 0; i < dataLength; i++)
            file[8 + header.Length + i] = (byte)i;
        return file;
    }

    public static byte[] WithLength(ulong length, int rest)
    {
        var file = new byte[8 + rest];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        return file;
    }

    /// <summary>The error that opening gives, from memory and from disk alike.</summary>
    public static ModelFormatError ErrorOf(byte[] file)
    {
        var inMemory = Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(file, "memory"));
        Assert.AreEqual("memory", inMemory.File);
        StringAssert.StartsWith(inMemory.Message, "memory: ");

        using var folder = new TemporaryFolder();
        var path = folder.Write("x.safetensors", file);
        var onDisk = Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(path));
        Assert.AreEqual(inMemory.Error, onDisk.Error);
        AssertClosed(path);
        return inMemory.Error;
    }

    private static void AssertClosed(string path)
    {
        if (OperatingSystem.IsLinux())
            Assert.IsFalse(Directory.GetFiles("/proc/self/fd").Any(fd => File.ResolveLinkTarget(fd, false)?.FullName == path), "The file is still open.");
    }
}
