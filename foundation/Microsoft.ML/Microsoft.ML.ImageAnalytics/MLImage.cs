using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>How the bytes of a pixel follow one another.</summary>
public enum MLPixelFormat
{
    Unknown = 0,
    Bgra32 = 1,
    Rgba32 = 2,
}

/// <summary>A picture in memory. Files give colours multiplied by their alpha.</summary>
public sealed class MLImage : IDisposable
{
    private const int JpegQuality = 100;

    private readonly MLPixelFormat _format;
    private Pixels _pixels;
    private string _tag;

    private MLImage(Pixels pixels, MLPixelFormat format)
    {
        _pixels = pixels;
        _format = format;
    }

    /// <summary>Reads a JPEG, PNG or BMP picture.</summary>
    public static MLImage CreateFromStream(Stream imageStream)
    {
        if (imageStream is null)
            throw Contracts.ExceptValue(nameof(imageStream));
        using var file = new MemoryStream();
        imageStream.CopyTo(file);
        return Decode(file.ToArray(), "Invalid input stream contents", nameof(imageStream));
    }

    /// <summary>Reads a JPEG, PNG or BMP picture.</summary>
    public static MLImage CreateFromFile(string imagePath)
    {
        if (imagePath is null)
            throw Contracts.ExceptValue(nameof(imagePath));
        if (!File.Exists(imagePath))
            throw new ArgumentException($"Invalid path: there is no file '{imagePath}'", nameof(imagePath));
        return Decode(File.ReadAllBytes(imagePath), $"Invalid path: '{imagePath}'", nameof(imagePath));
    }

    private static MLImage Decode(byte[] file, string message, string parameter)
    {
        try
        {
            var pixels = ImageFile.Decode(file) ?? throw new ArgumentException(message + "; a JPEG, PNG or BMP picture is needed", parameter);
            return new MLImage(pixels, MLPixelFormat.Bgra32);
        }
        catch (InvalidDataException e)
        {
            throw new ArgumentException($"{message}; {e.Message}", parameter, e);
        }
    }

    public static MLImage CreateFromPixels(int width, int height, MLPixelFormat pixelFormat, ReadOnlySpan<byte> imagePixelData)
    {
        if (pixelFormat is not (MLPixelFormat.Bgra32 or MLPixelFormat.Rgba32))
            throw new ArgumentException("Unsupported pixel format", nameof(pixelFormat));
        if (width <= 0)
            throw new ArgumentException("Invalid width value.", nameof(width));
        if (height <= 0)
            throw new ArgumentException("Invalid height value.", nameof(height));
        if (imagePixelData.Length != (long)width * height * Data.Pixels.BytesPerPixel)
            throw new ArgumentException($"Invalid {nameof(imagePixelData)} buffer size.");
        return new MLImage(new Pixels(width, height, imagePixelData.ToArray()), pixelFormat);
    }

    private Pixels Current => _pixels ?? throw new InvalidOperationException("Object is disposed.");

    public MLPixelFormat PixelFormat
    {
        get
        {
            _ = Current;
            return _format;
        }
    }

    public ReadOnlySpan<byte> Pixels => Current.Bytes;

    public int Width => Current.Width;

    public int Height => Current.Height;

    public int BitsPerPixel
    {
        get
        {
            _ = Current;
            return 8 * Data.Pixels.BytesPerPixel;
        }
    }

    /// <summary>Where the picture comes from, or what its owner wants to remember of it.</summary>
    public string Tag
    {
        get
        {
            _ = Current;
            return _tag;
        }

        set
        {
            _ = Current;
            _tag = value;
        }
    }

    /// <summary>Three bytes a pixel, blue first, colours as they were before they were multiplied by their alpha.</summary>
    public byte[] GetBGRPixels
    {
        get
        {
            var source = Straight();
            var bytes = new byte[source.Width * source.Height * 3];
            for (int i = 0, to = 0; i < source.Bytes.Length; i += Data.Pixels.BytesPerPixel)
            {
                bytes[to++] = source.Bytes[i];
                bytes[to++] = source.Bytes[i + 1];
                bytes[to++] = source.Bytes[i + 2];
            }
            return bytes;
        }
    }

    /// <summary>The pixels with blue first.</summary>
    internal Pixels BlueFirst()
    {
        var pixels = Current;
        if (_format == MLPixelFormat.Bgra32)
            return pixels;
        var bytes = (byte[])pixels.Bytes.Clone();
        for (int i = 0; i < bytes.Length; i += Data.Pixels.BytesPerPixel)
            (bytes[i], bytes[i + 2]) = (bytes[i + 2], bytes[i]);
        return pixels with { Bytes = bytes };
    }

    /// <summary>A copy with blue first and colours not multiplied by their alpha.</summary>
    private Pixels Straight()
    {
        var pixels = BlueFirst();
        var bytes = (byte[])pixels.Bytes.Clone();
        for (int i = 0; i < bytes.Length; i += Data.Pixels.BytesPerPixel)
        {
            for (int c = i; c < i + 3; c++)
                bytes[c] = Data.Pixels.Unpremultiplied(bytes[c], bytes[i + 3]);
        }
        return pixels with { Bytes = bytes };
    }

    /// <summary>Writes a JPEG or PNG file, as its extension says.</summary>
    public void Save(string imagePath)
    {
        Contracts.CheckNonEmpty(imagePath, nameof(imagePath));
        string extension = Path.GetExtension(imagePath);
        byte[] file;
        switch (extension.ToLowerInvariant())
        {
            case ".jpg" or ".jpeg":
                file = JpegFile.Encode(BlueFirst(), JpegQuality);
                break;
            case ".png":
                file = PngFile.Encode(Straight());
                break;
            case ".bmp" or ".gif" or ".ico" or ".webp" or ".avif" or ".heif" or ".dng" or ".astc" or ".ktx" or ".pkm" or ".wbmp":
                throw new ArgumentException($"Saving image with the format '{extension}' is not supported. Try save it with `Jpeg` or `Png` format.", nameof(imagePath));
            default:
                throw new ArgumentException("Path has invalid image file extension.", nameof(imagePath));
        }
        File.WriteAllBytes(imagePath, file);
    }

    /// <summary>A new picture of pixels that have blue first.</summary>
    internal static MLImage Of(Pixels pixels) => new(pixels, MLPixelFormat.Bgra32);

    public void Dispose() => _pixels = null;
}
