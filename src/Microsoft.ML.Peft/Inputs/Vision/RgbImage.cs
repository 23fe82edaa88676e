using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Vision.Decoding;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>How bytes make a pixel, in the order in which they lie in memory.</summary>
public enum PixelFormat
{
    /// <summary>Red, green, blue.</summary>
    Rgb24,

    /// <summary>Blue, green, red.</summary>
    Bgr24,

    /// <summary>Red, green, blue, alpha; alpha is left out, as Pillow's <c>convert("RGB")</c> does.</summary>
    Rgba32,

    /// <summary>Blue, green, red, alpha; alpha is left out.</summary>
    Bgra32,

    /// <summary>Gray.</summary>
    Gray8,
}

/// <summary>A decoded picture in red, green and blue, 8 bits each.</summary>
/// <remarks>It never changes, so that several threads may use it.</remarks>
public sealed class RgbImage
{
    /// <summary>Most pixels that a picture may have: 89,478,485, from where on Pillow warns of a decompression bomb.</summary>
    public const long MaxPixels = 1024 * 1024 * 1024 / 4 / 3;

    /// <summary>Bytes of a pixel in memory: red, green, blue, and one without meaning that keeps pixels aligned.</summary>
    internal const int PixelBytes = 4;

    private const long MaxFileBytes = 256L << 20;

    /// <summary>Takes over pixels of <see cref="PixelBytes"/> bytes each.</summary>
    internal RgbImage(byte[] pixels, int width, int height) => (Data, Width, Height) = (pixels, width, height);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Number of rows.</summary>
    public int Height { get; }

    /// <summary>Rows from top to bottom, <see cref="PixelBytes"/> bytes a pixel.</summary>
    internal byte[] Data { get; }

    /// <summary>Reads a JPEG, PNG, BMP, GIF (its first frame) or WebP file.</summary>
    /// <param name="path">A regular file of at most 256 MiB.</param>
    /// <param name="applyOrientation">True to turn the picture as its Exif entry says; Pillow's <c>open</c> does not, <c>exif_transpose</c> does.</param>
    /// <exception cref="InputFormatException">It is damaged, has more than <see cref="MaxPixels"/> pixels, or is of another format.</exception>
    /// <exception cref="ModelFormatException">There is no such regular file, or it is too large.</exception>
    /// <exception cref="NotSupportedException">The system library for the format is missing.</exception>
    public static RgbImage Load(string path, bool applyOrientation = true)
        => Decode(RegularFile.ReadAll(path, MaxFileBytes), path, applyOrientation);

    /// <summary>Reads the bytes of a JPEG, PNG, BMP, GIF (its first frame) or WebP file.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="applyOrientation">True to turn the picture as its Exif entry says.</param>
    /// <exception cref="InputFormatException">It is damaged, has more than <see cref="MaxPixels"/> pixels, or is of another format.</exception>
    /// <exception cref="NotSupportedException">The system library for the format is missing.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name = "the picture", bool applyOrientation = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var image = ImageDecoder.Decode(bytes, name);
        return applyOrientation ? Orientation.Apply(image, Orientation.Of(bytes)) : image;
    }

    /// <summary>Copies pixels that were decoded elsewhere, such as those of an <c>MLImage</c>.</summary>
    /// <param name="pixels">Rows from top to bottom without gaps.</param>
    /// <param name="width">Pixels in a row, 1 or more.</param>
    /// <param name="height">Number of rows, 1 or more.</param>
    /// <param name="format">How bytes make a pixel.</param>
    /// <exception cref="ArgumentException">The sizes do not fit each other, or there are more than <see cref="MaxPixels"/> pixels.</exception>
    public static RgbImage FromPixels(ReadOnlySpan<byte> pixels, int width, int height, PixelFormat format)
    {
        Guard.AtLeast(width, 1);
        Guard.AtLeast(height, 1);
        var count = (long)width * height;
        Guard.InRange(count, 1, MaxPixels, nameof(pixels));
        var bytes = format switch
        {
            PixelFormat.Rgb24 or PixelFormat.Bgr24 => 3,
            PixelFormat.Rgba32 or PixelFormat.Bgra32 => 4,
            PixelFormat.Gray8 => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(format), $"format is {format}; it must be a {nameof(PixelFormat)}."),
        };
        if (pixels.Length != count * bytes)
            throw new ArgumentException($"There are {pixels.Length} bytes; {width} x {height} pixels of format {format} have {count * bytes}.", nameof(pixels));
        var (red, green, blue) = format switch
        {
            PixelFormat.Gray8 => (0, 0, 0),
            PixelFormat.Bgr24 or PixelFormat.Bgra32 => (2, 1, 0),
            _ => (0, 1, 2),
        };
        var data = NewPixels(width, height);
        for (int from = 0, to = 0; from < pixels.Length; from += bytes, to += PixelBytes)
            (data[to], data[to + 1], data[to + 2]) = (pixels[from + red], pixels[from + green], pixels[from + blue]);
        return new RgbImage(data, width, height);
    }

    /// <summary>The picture as bytes red, green, blue, rows from top to bottom without gaps.</summary>
    public byte[] ToRgb24()
    {
        var bytes = new byte[3L * Width * Height];
        for (int from = 0, to = 0; to < bytes.Length; from += PixelBytes, to += 3)
            (bytes[to], bytes[to + 1], bytes[to + 2]) = (Data[from], Data[from + 1], Data[from + 2]);
        return bytes;
    }

    /// <summary>Memory for a picture, not cleared.</summary>
    internal static byte[] NewPixels(int width, int height) => GC.AllocateUninitializedArray<byte>(checked(width * height * PixelBytes));
}
