using System.Buffers.Binary;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>The first frame of a GIF; transparent places have the palette's colour, as Pillow's <c>convert("RGB")</c> gives them.</summary>
internal static class GifDecoder
{
    private const int MostCodes = 4096;
    private const byte Extension = 0x21;
    private const byte GraphicControl = 0xF9;
    private const byte ImageDescriptor = 0x2C;

    // A code of 12 bits stands for up to 4096 pixels.
    private const int MostCompression = MostCodes;

    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < 13)
            throw ImageDecoder.CutOff(name);
        int screenWidth = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]), screenHeight = BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]);
        var at = 13;
        var palette = Palette(bytes, ref at, bytes[10], name);
        var transparent = 0;
        while (At(bytes, at, name) == Extension)
        {
            if (At(bytes, at + 1, name) == GraphicControl && At(bytes, at + 2, name) == 4 && (At(bytes, at + 3, name) & 1) != 0)
                transparent = At(bytes, at + 6, name);
            at += 2;
            SkipBlocks(bytes, ref at, name);
        }
        if (bytes[at] != ImageDescriptor || bytes.Length < at + 11)
            throw new InputFormatException(name, "the GIF file has no picture.");
        int left = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 1)..]), top = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 3)..]);
        int frameWidth = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 5)..]), frameHeight = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 7)..]);
        var flags = bytes[at + 9];
        at += 10;
        palette = Palette(bytes, ref at, flags, name) ?? palette ?? GrayRamp();
        var (width, height) = (Math.Max(screenWidth, left + frameWidth), Math.Max(screenHeight, top + frameHeight));
        ImageDecoder.CheckSize(width, height, name);
        ImageDecoder.CheckSize(frameWidth, frameHeight, name);
        ImageDecoder.CheckFilled((long)frameWidth * frameHeight, bytes.Length - at, MostCompression, name);

        var indices = new byte[frameWidth * frameHeight];
        Unpack(bytes, at, indices, name);
        var pixels = RgbImage.NewPixels(width, height);
        if (frameWidth != width || frameHeight != height)
            Fill(pixels, palette, transparent, name);
        for (var y = 0; y < frameHeight; y++)
        {
            var row = (flags & 0x40) != 0 ? InterlacedRow(y, frameHeight) : y;
            var target = pixels.AsSpan((((top + row) * width) + left) * RgbImage.PixelBytes);
            foreach (var index in indices.AsSpan(y * frameWidth, frameWidth))
            {
                Colour(palette, index, name).CopyTo(target);
                target = target[RgbImage.PixelBytes..];
            }
        }
        return new RgbImage(pixels, width, height);
    }

    private static byte At(ReadOnlySpan<byte> bytes, int at, string name) => at < bytes.Length ? bytes[at] : throw ImageDecoder.CutOff(name);

    private static byte[]? Palette(ReadOnlySpan<byte> bytes, ref int at, byte flags, string name)
    {
        if ((flags & 0x80) == 0)
            return null;
        var length = 3 << ((flags & 7) + 1);
        if (bytes.Length - at < length)
            throw ImageDecoder.CutOff(name);
        at += length;
        return bytes.Slice(at - length, length).ToArray();
    }

    private static byte[] GrayRamp() => [.. Enumerable.Range(0, 768).Select(i => (byte)(i / 3))];

    private static ReadOnlySpan<byte> Colour(byte[] palette, int index, string name) => 3 * index < palette.Length
        ? palette.AsSpan(3 * index, 3)
        : throw new InputFormatException(name, $"a pixel has the colour {index} of a palette of {palette.Length / 3}; the file is damaged.");

    private static void SkipBlocks(ReadOnlySpan<byte> bytes, ref int at, string name)
    {
        byte length;
        while ((length = At(bytes, at, name)) != 0)
            at += length + 1;
        at++;
    }

    private static void Fill(byte[] pixels, byte[] palette, int index, string name)
    {
        var colour = Colour(palette, index, name);
        for (var i = 0; i < pixels.Length; i += RgbImage.PixelBytes)
            colour.CopyTo(pixels.AsSpan(i));
    }

    /// <summary>Rows come in four runs: every 8th, those between, every 4th, every 2nd.</summary>
    private static int InterlacedRow(int y, int height)
    {
        foreach (var (start, step) in ((int, int)[])[(0, 8), (4, 8), (2, 4), (1, 2)])
        {
            var rows = (height - start + step - 1) / step;
            if (y < rows)
                return start + (y * step);
            y -= Math.Max(0, rows);
        }
        return height - 1;
    }

    /// <summary>Unpacks LZW codes of growing width from blocks of up to 255 bytes.</summary>
    private static void Unpack(ReadOnlySpan<byte> bytes, int at, Span<byte> target, string name)
    {
        int least = At(bytes, at++, name);
        if (least is < 1 or > 8)
            throw new InputFormatException(name, $"its pixels start with codes of {least} bits; they must have 1 to 8.");
        int clear = 1 << least, end = clear + 1;
        var (prefix, last, length) = (new short[MostCodes], new byte[MostCodes], new short[MostCodes]);
        for (var i = 0; i < clear; i++)
            (last[i], length[i]) = ((byte)i, 1);
        int width = least + 1, next = end + 1, previous = -1, bits = 0, held = 0, block = 0, done = 0;
        while (done < target.Length)
        {
            while (held < width)
            {
                if (block == 0 && (block = At(bytes, at++, name)) == 0)
                    throw ImageDecoder.CutOff(name);
                bits |= At(bytes, at++, name) << held;
                (held, block) = (held + 8, block - 1);
            }
            var code = bits & ((1 << width) - 1);
            (bits, held) = (bits >> width, held - width);
            if (code == clear)
            {
                (width, next, previous) = (least + 1, end + 1, -1);
                continue;
            }
            if (code == end)
                throw ImageDecoder.CutOff(name);
            if (code > next || (code == next && previous < 0) || (previous < 0 && code >= clear))
                throw new InputFormatException(name, $"its pixels have the code {code} where {next} codes are known; the file is damaged.");
            // A code that is just being made is the one before it and that one's first pixel again.
            var known = code == next ? previous : code;
            var count = length[known];
            var run = target.Slice(done, Math.Min(count, target.Length - done));
            for (int i = count - 1, c = known; i >= 0; i--, c = prefix[c])
            {
                if (i < run.Length)
                    run[i] = last[c];
            }
            done += run.Length;
            var first = run[0];
            if (code == next && done < target.Length)
                target[done++] = first;
            if (previous >= 0 && next < MostCodes)
            {
                (prefix[next], last[next], length[next]) = ((short)previous, first, (short)(length[previous] + 1));
                next++;
                if (next == 1 << width && width < 12)
                    width++;
            }
            previous = code;
        }
    }
}
