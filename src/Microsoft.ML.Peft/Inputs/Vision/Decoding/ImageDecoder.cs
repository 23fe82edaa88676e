namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>Finds the format of a picture by its first bytes, whatever its file is called.</summary>
internal static class ImageDecoder
{
    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
            throw new InputFormatException(name, "the file is empty; it must be a JPEG, PNG, BMP, GIF or WebP picture.");
        if (bytes is [0xFF, 0xD8, 0xFF, ..])
            return JpegDecoder.Decode(bytes, name);
        if (bytes.StartsWith(PngDecoder.Signature))
            return PngDecoder.Decode(bytes, name);
        if (bytes.StartsWith("GIF87a"u8) || bytes.StartsWith("GIF89a"u8))
            return GifDecoder.Decode(bytes, name);
        if (bytes.StartsWith("BM"u8))
            return BmpDecoder.Decode(bytes, name);
        if (bytes.StartsWith("RIFF"u8) && bytes.Length >= 12 && bytes[8..].StartsWith("WEBP"u8))
            return WebpDecoder.Decode(bytes, name);
        throw new InputFormatException(
            name, $"the file starts with {Convert.ToHexString(bytes[..Math.Min(8, bytes.Length)])}; it must be a JPEG, PNG, BMP, GIF or WebP picture.");
    }

    /// <summary>Refuses sizes that no picture has or that would take too much memory.</summary>
    public static void CheckSize(long width, long height, string name)
    {
        if (width < 1 || height < 1)
            throw new InputFormatException(name, $"the picture has {width} x {height} pixels; it must have at least one.");
        if (width > RgbImage.MaxPixels / height)
            throw new InputFormatException(name, $"the picture has {width} x {height} pixels; at most {RgbImage.MaxPixels} are read.");
    }

    /// <summary>Refuses a size that the bytes cannot fill, before memory is taken for it.</summary>
    /// <param name="needed">Bytes of the picture before compression.</param>
    /// <param name="there">Bytes in the file.</param>
    /// <param name="ratio">Most that the format can compress.</param>
    /// <param name="name">What to call the picture.</param>
    public static void CheckFilled(long needed, long there, int ratio, string name)
    {
        if (needed / ratio > there)
            throw CutOff(name);
    }

    public static InputFormatException CutOff(string name) => new(name, "the file is cut off or damaged: its data does not fill the picture.");
}
