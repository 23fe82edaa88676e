using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>How a camera was held: the orientation entry of Exif data in JPEG, PNG and WebP files.</summary>
internal static class Orientation
{
    private const int Upright = 1;
    private const ushort OrientationTag = 0x0112;
    private const ushort ShortType = 3;

    /// <summary>1 to 8 as Exif defines them; 1 where the file does not say or its entry is damaged.</summary>
    public static int Of(ReadOnlySpan<byte> file)
    {
        var exif = file is [0xFF, 0xD8, ..] ? InJpeg(file)
            : file.StartsWith(PngDecoder.Signature) ? InPng(file)
            : file.StartsWith("RIFF"u8) ? InWebp(file)
            : default;
        return exif.Length < 8 ? Upright : Entry(exif);
    }

    /// <summary>Turns and mirrors a picture so that it stands upright.</summary>
    public static RgbImage Apply(RgbImage image, int orientation)
    {
        if (orientation is <= Upright or > 8)
            return image;
        int width = image.Width, height = image.Height;
        var isTurned = orientation >= 5;
        var (newWidth, newHeight) = isTurned ? (height, width) : (width, height);
        var pixels = RgbImage.NewPixels(newWidth, newHeight);
        var source = MemoryMarshal.Cast<byte, uint>(image.Data);
        var target = MemoryMarshal.Cast<byte, uint>(pixels.AsSpan());
        for (var y = 0; y < newHeight; y++)
        {
            for (var x = 0; x < newWidth; x++)
            {
                var (fromX, fromY) = orientation switch
                {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    _ => (width - 1 - y, x),
                };
                target[(y * newWidth) + x] = source[(fromY * width) + fromX];
            }
        }
        return new RgbImage(pixels, newWidth, newHeight);
    }

    private static ReadOnlySpan<byte> InJpeg(ReadOnlySpan<byte> file)
    {
        var rest = file[2..];
        while (rest.Length >= 4 && rest[0] == 0xFF)
        {
            var marker = rest[1];
            if (marker == 0xFF)
            {
                rest = rest[1..]; // markers may be filled up
                continue;
            }
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (marker is 0xDA or 0xD9 || length < 2 || length + 2 > rest.Length)
                return default;
            var data = rest.Slice(4, length - 2);
            if (marker == 0xE1 && data.StartsWith("Exif\0\0"u8))
                return data[6..];
            rest = rest[(length + 2)..];
        }
        return default;
    }

    private static ReadOnlySpan<byte> InPng(ReadOnlySpan<byte> file)
    {
        var chunks = new PngChunks(file, "the picture");
        while (chunks.MoveNext() && !chunks.Is("IEND"u8))
        {
            if (chunks.Is("eXIf"u8))
                return chunks.Data;
        }
        return default;
    }

    private static ReadOnlySpan<byte> InWebp(ReadOnlySpan<byte> file)
    {
        var rest = file.Length > 12 ? file[12..] : default;
        while (rest.Length >= 8)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            if (length > rest.Length - 8)
                return default;
            var data = rest.Slice(8, (int)length);
            if (rest.StartsWith("EXIF"u8))
                return data.StartsWith("Exif\0\0"u8) ? data[6..] : data;
            rest = rest[(int)Math.Min(rest.Length, 8 + length + (length & 1))..];
        }
        return default;
    }

    /// <summary>Looks the entry up in the first directory of Exif data, which is laid out like a TIFF file.</summary>
    private static int Entry(ReadOnlySpan<byte> exif)
    {
        var isLittle = exif.StartsWith("II"u8);
        if (!isLittle && !exif.StartsWith("MM"u8))
            return Upright;
        var start = Number(exif[4..], 4, isLittle);
        if (start > exif.Length - 2)
            return Upright;
        var directory = exif[(int)start..];
        var count = Number(directory, 2, isLittle);
        for (var i = 0; i < count && directory.Length >= 14 + (12 * i); i++)
        {
            var entry = directory.Slice(2 + (12 * i), 12);
            if (Number(entry, 2, isLittle) == OrientationTag && Number(entry[2..], 2, isLittle) == ShortType)
                return (int)Number(entry[8..], 2, isLittle) is var value and >= 1 and <= 8 ? value : Upright;
        }
        return Upright;
    }

    private static uint Number(ReadOnlySpan<byte> bytes, int size, bool isLittle) => (size, isLittle) switch
    {
        (2, true) => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        (2, false) => BinaryPrimitives.ReadUInt16BigEndian(bytes),
        (_, true) => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt32BigEndian(bytes),
    };
}
