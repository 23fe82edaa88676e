using System.Buffers.Binary;
using System.IO.Compression;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>PNG of every colour type, depth and interlacing, over .NET's zlib; colours as stored, without gamma or profile, as Pillow gives them.</summary>
/// <remarks>Of 16 bits the higher 8 count, alpha is left out. libpng itself is not used: its simple interface converts gamma, and its
/// other one reports errors by a long jump, which must not cross managed code.</remarks>
internal static class PngDecoder
{
    private const int Gray = 0;
    private const int Rgb = 2;
    private const int Indexed = 3;
    private const int GrayAlpha = 4;
    private const int Rgba = 6;

    // zlib cannot make data smaller than this.
    private const int MostCompression = 1032;

    // Start and step of the seven passes of an interlaced picture.
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    public static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        var chunks = new PngChunks(bytes, name);
        if (!chunks.MoveNext() || !chunks.Is("IHDR"u8) || chunks.Data.Length != 13)
            throw new InputFormatException(name, "the PNG file has no header.");
        var header = Header.Read(chunks.Data, name);
        byte[] palette = [];
        using var packed = new MemoryStream();
        while (chunks.MoveNext() && !chunks.Is("IEND"u8))
        {
            if (chunks.Is("PLTE"u8) && palette.Length == 0)
                palette = chunks.Data.Length % 3 == 0 && chunks.Data.Length is > 0 and <= 768
                    ? chunks.Data.ToArray()
                    : throw new InputFormatException(name, $"its palette has {chunks.Data.Length} bytes; it must be 3 bytes for each of 1 to 256 colours.");
            else if (chunks.Is("IDAT"u8))
                packed.Write(chunks.Data);
        }
        if (header.Colour == Indexed && palette.Length == 0)
            throw new InputFormatException(name, "its pixels are numbers of colours and it has no palette.");
        ImageDecoder.CheckFilled(((long)header.Width * header.BitsPerPixel / 8 * header.Height) + header.Height, packed.Length, MostCompression, name);

        var pixels = RgbImage.NewPixels(header.Width, header.Height);
        packed.Position = 0;
        try
        {
            using var data = new ZLibStream(packed, CompressionMode.Decompress);
            if (header.IsInterlaced)
            {
                foreach (var pass in Passes)
                    ReadPass(data, header, palette, pixels, pass, name);
            }
            else
            {
                ReadPass(data, header, palette, pixels, (0, 0, 1, 1), name);
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new InputFormatException(name, "the PNG file is cut off or damaged: its data does not unpack to the whole picture.", e);
        }
        return new RgbImage(pixels, header.Width, header.Height);
    }

    private static void ReadPass(Stream data, Header header, byte[] palette, byte[] pixels, (int X, int Y, int StepX, int StepY) pass, string name)
    {
        var width = (header.Width - pass.X + pass.StepX - 1) / pass.StepX;
        var height = (header.Height - pass.Y + pass.StepY - 1) / pass.StepY;
        if (width <= 0 || height <= 0)
            return;
        var stride = (int)((((long)width * header.BitsPerPixel) + 7) / 8);
        // The row above is nothing for the first row; a filter byte stands before each row.
        var (above, row) = (new byte[stride + 1], new byte[stride + 1]);
        for (var y = 0; y < height; y++)
        {
            data.ReadExactly(row);
            Unfilter(row[0], row.AsSpan(1), above.AsSpan(1), Math.Max(1, header.BitsPerPixel / 8), name);
            var target = pixels.AsSpan((int)((((long)(pass.Y + (y * pass.StepY)) * header.Width) + pass.X) * RgbImage.PixelBytes));
            Unpack(row.AsSpan(1), target, width, pass.StepX * RgbImage.PixelBytes, header, palette, name);
            (above, row) = (row, above);
        }
    }

    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int pixel, string name)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (var i = pixel; i < row.Length; i++)
                    row[i] += row[i - pixel];
                break;
            case 2:
                for (var i = 0; i < row.Length; i++)
                    row[i] += above[i];
                break;
            case 3:
                for (var i = 0; i < row.Length; i++)
                    row[i] += (byte)(((i < pixel ? 0 : row[i - pixel]) + above[i]) >> 1);
                break;
            case 4:
                for (var i = 0; i < row.Length; i++)
                    row[i] += i < pixel ? above[i] : Nearest(row[i - pixel], above[i], above[i - pixel]);
                break;
            default:
                throw new InputFormatException(name, $"a row has the filter {filter}; it must be from 0 to 4.");
        }
    }

    /// <summary>Of left, up and up-left the one that is nearest to left + up − up-left.</summary>
    private static byte Nearest(int left, int up, int corner)
    {
        var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - (2 * corner)));
        return (byte)(toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner);
    }

    private static void Unpack(ReadOnlySpan<byte> row, Span<byte> target, int width, int step, Header header, byte[] palette, string name)
    {
        if (header.Depth < 8 || header.Colour == Indexed)
        {
            UnpackSmall(row, target, width, step, header, palette, name);
            return;
        }
        var size = header.BitsPerPixel / 8;
        var sample = header.Depth / 8;
        var (green, blue) = header.Colour is Gray or GrayAlpha ? (0, 0) : (sample, 2 * sample);
        for (int x = 0, from = 0, to = 0; x < width; x++, from += size, to += step)
            (target[to], target[to + 1], target[to + 2]) = (row[from], row[from + green], row[from + blue]);
    }

    /// <summary>Numbers of 1 to 8 bits: colours of a palette, or shades of gray.</summary>
    private static void UnpackSmall(ReadOnlySpan<byte> row, Span<byte> target, int width, int step, Header header, byte[] palette, string name)
    {
        var (bits, most) = (header.Depth, (1 << header.Depth) - 1);
        for (int x = 0, to = 0; x < width; x++, to += step)
        {
            var bit = (long)x * bits;
            var value = (row[(int)(bit >> 3)] >> (8 - bits - (int)(bit & 7))) & most;
            if (header.Colour == Gray)
            {
                target[to] = target[to + 1] = target[to + 2] = (byte)(value * 255 / most);
                continue;
            }
            if (3 * value >= palette.Length)
                throw new InputFormatException(name, $"a pixel has the colour {value} of a palette of {palette.Length / 3}; the file is damaged.");
            palette.AsSpan(3 * value, 3).CopyTo(target[to..]);
        }
    }

    private readonly record struct Header(int Width, int Height, int Depth, int Colour, bool IsInterlaced)
    {
        public int BitsPerPixel => Depth * (Colour switch { Rgb => 3, GrayAlpha => 2, Rgba => 4, _ => 1 });

        public static Header Read(ReadOnlySpan<byte> data, string name)
        {
            var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]));
            ImageDecoder.CheckSize(width, height, name);
            var (depth, colour) = (data[8], data[9]);
            var isKnown = colour switch
            {
                Gray => depth is 1 or 2 or 4 or 8 or 16,
                Indexed => depth is 1 or 2 or 4 or 8,
                Rgb or GrayAlpha or Rgba => depth is 8 or 16,
                _ => false,
            };
            if (!isKnown || data[10] != 0 || data[11] != 0 || data[12] > 1)
            {
                throw new InputFormatException(
                    name, $"its PNG header has colour type {colour}, depth {depth}, compression {data[10]}, filter {data[11]}, interlacing {data[12]}, which no PNG has.");
            }
            return new((int)width, (int)height, depth, colour, data[12] == 1);
        }
    }
}
