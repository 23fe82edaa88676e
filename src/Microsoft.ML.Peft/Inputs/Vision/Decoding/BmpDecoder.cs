using System.Buffers.Binary;
using System.Numerics;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>Uncompressed BMP of 1 to 32 bits a pixel, with a palette or with bit fields, from the bottom up or from the top down.</summary>
internal static class BmpDecoder
{
    private const int FileHeader = 14;
    private const int OldHeader = 12;
    private const int InfoHeader = 40;
    private const int NoCompression = 0;
    private const int BitFields = 3;
    private const int AlphaBitFields = 6;

    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < FileHeader + OldHeader)
            throw ImageDecoder.CutOff(name);
        var dataStart = BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]);
        var headerSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FileHeader..]);
        if (headerSize is not (OldHeader or (>= InfoHeader and <= 256)) || bytes.Length < FileHeader + headerSize)
            throw new InputFormatException(name, $"its BMP header has {headerSize} bytes; known are 12, and 40 to 256.");
        var header = bytes.Slice(FileHeader, (int)headerSize);
        var isOld = headerSize == OldHeader;
        long width = isOld ? BinaryPrimitives.ReadUInt16LittleEndian(header[4..]) : BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        long height = isOld ? BinaryPrimitives.ReadUInt16LittleEndian(header[6..]) : BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(header[(isOld ? 10 : 14)..]);
        var compression = isOld ? NoCompression : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        var fromTop = height < 0;
        height = Math.Abs(height);
        ImageDecoder.CheckSize(width, height, name);
        var hasFields = compression is BitFields or AlphaBitFields && bits is 16 or 32 && compression != NoCompression;
        if (bits is not (1 or 2 or 4 or 8 or 16 or 24 or 32) || (compression != NoCompression && !hasFields))
            throw new InputFormatException(name, $"a BMP with {bits} bits a pixel and compression {compression} is not read; save it without compression.");

        var stride = ((width * bits) + 31) / 32 * 4;
        if (dataStart > bytes.Length || stride * height > bytes.Length - dataStart)
            throw ImageDecoder.CutOff(name);
        var data = bytes[(int)dataStart..];
        var pixels = RgbImage.NewPixels((int)width, (int)height);
        var palette = bits <= 8 ? Palette(bytes, header, bits, dataStart, name) : [];
        var fields = bits is 16 or 32 ? Fields(bytes, header, bits, hasFields, name) : [];
        for (var y = 0; y < height; y++)
        {
            var row = data.Slice((int)((fromTop ? y : height - 1 - y) * stride), (int)stride);
            var target = pixels.AsSpan((int)(y * width * RgbImage.PixelBytes), (int)width * RgbImage.PixelBytes);
            if (bits <= 8)
                ReadPalette(row, target, bits, palette, name);
            else if (bits == 24)
                ReadBgr(row, target);
            else
                ReadFields(row, target, bits / 8, fields);
        }
        return new RgbImage(pixels, (int)width, (int)height);
    }

    /// <summary>Colours in the order red, green, blue.</summary>
    private static byte[] Palette(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> header, int bits, uint dataStart, string name)
    {
        var entry = header.Length == OldHeader ? 3 : 4;
        var stated = header.Length == OldHeader ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(header[32..]);
        var count = stated == 0 ? 1L << bits : Math.Min(stated, 1L << bits);
        var start = FileHeader + header.Length;
        // Old writers store fewer colours than they promise; the pixels' start tells.
        count = Math.Min(count, Math.Max(0, (Math.Min(dataStart, bytes.Length) - start) / entry));
        if (count == 0)
            throw new InputFormatException(name, "it has no palette, which a BMP of up to 8 bits a pixel needs.");
        var palette = new byte[count * 3];
        for (var i = 0; i < count; i++)
        {
            var colour = bytes.Slice(start + (i * entry), 3);
            (palette[3 * i], palette[(3 * i) + 1], palette[(3 * i) + 2]) = (colour[2], colour[1], colour[0]);
        }
        return palette;
    }

    private static (int Shift, uint Max)[] Fields(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> header, int bits, bool hasFields, string name)
    {
        uint[] masks = bits == 16 ? [0x7C00, 0x3E0, 0x1F] : [0xFF0000, 0xFF00, 0xFF];
        if (hasFields)
        {
            // They stand behind a header of 40 bytes, and in a longer one at the same place.
            if (bytes.Length < FileHeader + InfoHeader + 12)
                throw ImageDecoder.CutOff(name);
            for (var i = 0; i < 3; i++)
                masks[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(FileHeader + InfoHeader + (4 * i))..]);
        }
        return Array.ConvertAll(masks, mask =>
        {
            var shift = mask == 0 ? 0 : BitOperations.TrailingZeroCount(mask);
            var max = mask >> shift;
            if (max == 0 || !BitOperations.IsPow2((ulong)max + 1))
                throw new InputFormatException(name, $"its bit field {mask:X8} has no bits or a gap; it must be one run of bits.");
            return (shift, max);
        });
    }

    private static void ReadPalette(ReadOnlySpan<byte> row, Span<byte> target, int bits, byte[] palette, string name)
    {
        for (int x = 0, at = 0; at < target.Length; x++, at += RgbImage.PixelBytes)
        {
            var index = 3 * (bits == 8 ? row[x] : (row[x * bits / 8] >> (8 - bits - (x * bits % 8))) & ((1 << bits) - 1));
            if (index >= palette.Length)
                throw new InputFormatException(name, $"a pixel has the colour {index / 3} of a palette of {palette.Length / 3}; the file is damaged.");
            palette.AsSpan(index, 3).CopyTo(target[at..]);
        }
    }

    private static void ReadBgr(ReadOnlySpan<byte> row, Span<byte> target)
    {
        for (int from = 0, at = 0; at < target.Length; from += 3, at += RgbImage.PixelBytes)
            (target[at], target[at + 1], target[at + 2]) = (row[from + 2], row[from + 1], row[from]);
    }

    private static void ReadFields(ReadOnlySpan<byte> row, Span<byte> target, int size, (int Shift, uint Max)[] fields)
    {
        for (int from = 0, at = 0; at < target.Length; from += size, at += RgbImage.PixelBytes)
        {
            var value = size == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(row[from..]) : BinaryPrimitives.ReadUInt32LittleEndian(row[from..]);
            for (var c = 0; c < 3; c++)
            {
                var (shift, max) = fields[c];
                target[at + c] = (byte)((value >> shift & max) * 255UL / max);
            }
        }
    }
}
