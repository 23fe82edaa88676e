using System.Buffers.Binary;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>The chunks of a PNG file one by one; checksums of those that a picture cannot do without are compared.</summary>
internal ref struct PngChunks(ReadOnlySpan<byte> file, string name)
{
    private static readonly uint[] Remainders = MakeRemainders();

    private readonly ReadOnlySpan<byte> _file = file;
    private readonly string _name = name;
    private int _next = PngDecoder.Signature.Length;
    private ReadOnlySpan<byte> _type;

    /// <summary>The content of the chunk.</summary>
    public ReadOnlySpan<byte> Data { get; private set; }

    public readonly bool Is(ReadOnlySpan<byte> type) => _type.SequenceEqual(type);

    /// <summary>False at the end of the file.</summary>
    public bool MoveNext()
    {
        var rest = _file[_next..];
        if (rest.IsEmpty)
            return false;
        var length = rest.Length < 12 ? uint.MaxValue : BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length > rest.Length - 12)
            throw ImageDecoder.CutOff(_name);
        _type = rest.Slice(4, 4);
        Data = rest.Slice(8, (int)length);
        var isCritical = (_type[0] & 0x20) == 0; // a capital letter
        // Pixels have zlib's own checksum.
        if (isCritical && !Is("IDAT"u8) && Checksum(rest.Slice(4, (int)length + 4)) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
            throw new InputFormatException(_name, "the PNG file is damaged: the checksum of a chunk is wrong.");
        _next += 12 + (int)length;
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
            crc = Remainders[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] MakeRemainders()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            table[i] = value;
        }
        return table;
    }
}
