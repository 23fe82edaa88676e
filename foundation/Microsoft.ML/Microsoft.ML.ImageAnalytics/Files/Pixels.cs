namespace Microsoft.ML.Data;

/// <summary>A picture in memory: four bytes a pixel, blue first, colours multiplied by alpha, rows from the top without gaps.</summary>
internal sealed record Pixels(int Width, int Height, byte[] Bytes)
{
    public const int BytesPerPixel = 4;

    /// <summary>Files of strangers may claim any size; half a gigabyte of pixels is more than any picture that a model looks at.</summary>
    private const long MaxPixels = 1L << 27;

    public static Pixels Create(long width, long height)
    {
        if (width <= 0 || height <= 0 || width > int.MaxValue || height > int.MaxValue || width * height > MaxPixels)
            throw new InvalidDataException($"The picture claims to be {width} x {height} pixels; it must have at least one and at most {MaxPixels}");
        return new Pixels((int)width, (int)height, new byte[width * height * BytesPerPixel]);
    }

    /// <summary>Multiplies the colours by their alpha, each rounded.</summary>
    public void Premultiply()
    {
        for (int i = 0; i < Bytes.Length; i += BytesPerPixel)
        {
            int alpha = Bytes[i + 3];
            if (alpha == 255)
                continue;
            for (int c = i; c < i + 3; c++)
                Bytes[c] = (byte)((Bytes[c] * alpha + 127) / 255);
        }
    }

    /// <summary>A colour as it was before it was multiplied by its alpha.</summary>
    public static byte Unpremultiplied(byte colour, byte alpha) =>
        alpha is 0 or 255 ? colour : (byte)Math.Min(255, (colour * 255 + alpha / 2) / alpha);

}
