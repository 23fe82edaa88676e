using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The frame of a Model.key: header of 256 bytes, payload, strings, loader assembly, tail.</summary>
internal static class ModelFrame
{
    private const int HeaderSize = 256;
    private const uint Version = 0x00010002;
    private const uint OldestVersion = 0x00010001;
    private const ulong Magic = 0x4C45444F4D004C4D;
    private const ulong Tail = 0x4D4C004D4F44454C;

    public static void Write(Stream stream, VersionInfo version, MemoryStream payload, IReadOnlyList<string> strings)
    {
        string assembly = version.AssemblyFullName;
        long payloadEnd = HeaderSize + payload.Length;
        long tableSize = 8L * strings.Count;
        long charsSize = strings.Sum(s => 2L * s.Length);
        long assemblyAt = payloadEnd + tableSize + charsSize;
        long tailAt = assemblyAt + 2 * assembly.Length;

        using var w = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        w.Write(Magic);
        w.Write(Version);
        w.Write(Version);
        w.Write((long)HeaderSize);
        w.Write(payload.Length);
        w.Write(strings.Count == 0 ? 0 : payloadEnd);
        w.Write(tableSize);
        w.Write(strings.Count == 0 ? 0 : payloadEnd + tableSize);
        w.Write(charsSize);
        w.Write(Ascii(version.Signature.Replace(' ', '\0'), 8));
        w.Write(version.Written);
        w.Write(version.Readable);
        w.Write(Ascii(version.LoaderSignature, 24));
        w.Write(Ascii(version.AlternativeLoaderSignature, 24));
        w.Write(tailAt);
        w.Write(tailAt + 8);
        w.Write(assemblyAt);
        w.Write(2 * assembly.Length);
        w.Write(new byte[HeaderSize - 0x9C]);
        payload.WriteTo(stream);
        long end = 0;
        foreach (string s in strings)
            w.Write(end += 2L * s.Length);
        foreach (string s in strings)
            w.Write(Encoding.Unicode.GetBytes(s));
        w.Write(Encoding.Unicode.GetBytes(assembly));
        w.Write(Tail);
    }

    private static byte[] Ascii(string text, int size)
    {
        var bytes = new byte[size];
        Encoding.ASCII.GetBytes(text, bytes);
        return bytes;
    }

    /// <summary>What a frame holds.</summary>
    public sealed record Content(byte[] File, int PayloadAt, int PayloadSize, string[] Strings, string Signature, uint Written, uint Readable,
        string LoaderSignature, string Assembly);

    /// <summary>Reads a frame, checking every offset before it is used.</summary>
    public static Content Read(byte[] file)
    {
        Contracts.CheckDecode(file.Length >= HeaderSize + 8);
        Contracts.CheckDecode(BitConverter.ToUInt64(file, 0) == Magic, "Wrong file type");
        Contracts.CheckDecode(BitConverter.ToUInt32(file, 8) >= OldestVersion && BitConverter.ToUInt32(file, 12) <= Version,
            "The model file's frame is of a version that cannot be read");
        long Long(int at) => BitConverter.ToInt64(file, at);
        long payloadSize = Long(0x18), tableAt = Long(0x20), tableSize = Long(0x28), charsAt = Long(0x30), charsSize = Long(0x38);
        long tailAt = Long(0x80), limit = Long(0x88), assemblyAt = Long(0x90), assemblySize = BitConverter.ToUInt32(file, 0x98);

        Contracts.CheckDecode(Long(0x10) == HeaderSize && payloadSize >= 0 && payloadSize <= file.Length - HeaderSize);
        long end = HeaderSize + payloadSize;
        Contracts.CheckDecode(tableSize >= 0 && charsSize >= 0 && tableSize <= file.Length && charsSize <= file.Length && assemblySize <= file.Length);
        if (tableAt == 0)
        {
            Contracts.CheckDecode(tableSize == 0 && charsAt == 0 && charsSize == 0);
        }
        else
        {
            Contracts.CheckDecode(tableAt == end && tableSize > 0 && tableSize % 8 == 0 && charsAt == tableAt + tableSize && charsSize % 2 == 0);
            end = charsAt + charsSize;
        }
        if (assemblyAt != 0)
        {
            Contracts.CheckDecode(assemblyAt == end && assemblySize % 2 == 0);
            end += assemblySize;
        }
        else
        {
            Contracts.CheckDecode(assemblySize == 0);
        }
        Contracts.CheckDecode(tailAt == end && limit == tailAt + 8 && limit == file.Length);
        Contracts.CheckDecode(BitConverter.ToUInt64(file, (int)tailAt) == Tail, "Corrupt model file tail");

        return new Content(file, HeaderSize, (int)payloadSize, Strings(file, (int)tableAt, (int)(tableSize / 8), (int)charsAt, charsSize),
            Name(file, 0x40, 8, ' '), BitConverter.ToUInt32(file, 0x48), BitConverter.ToUInt32(file, 0x4C), Name(file, 0x50, 24, '\0'),
            assemblyAt == 0 ? "" : Encoding.Unicode.GetString(file, (int)assemblyAt, (int)assemblySize));
    }

    private static string[] Strings(byte[] file, int tableAt, int count, int charsAt, long charsSize)
    {
        var strings = new string[count];
        long start = 0;
        for (int i = 0; i < count; i++)
        {
            long end = BitConverter.ToInt64(file, tableAt + 8 * i);
            Contracts.CheckDecode(end >= start && end <= charsSize && end % 2 == 0);
            strings[i] = Encoding.Unicode.GetString(file, charsAt + (int)start, (int)(end - start));
            start = end;
        }
        Contracts.CheckDecode(start == charsSize);
        return strings;
    }

    private static string Name(byte[] file, int at, int size, char zero)
    {
        string text = Encoding.Latin1.GetString(file, at, size);
        return zero == '\0' ? text.TrimEnd('\0') : text.Replace('\0', zero);
    }
}
