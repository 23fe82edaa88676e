using System.Runtime.InteropServices;

namespace Microsoft.ML.Data;

/// <summary>JPEG files, by libjpeg-turbo.</summary>
internal static class JpegFile
{
    private const string Library = "libturbojpeg.so.0";
    private const string Package = "libturbojpeg0";

    // Numbers of the library's interface.
    private const int PixelBgra = 8, PixelCmyk = 11, ColoursCmyk = 3, ColoursYcck = 4, Sampling444 = 0, ErrorWarning = 0, FlagAccurateDct = 4096;

    [DllImport(Library)]
    private static extern nint tjInitDecompress();

    [DllImport(Library)]
    private static extern nint tjInitCompress();

    [DllImport(Library)]
    private static extern int tjDestroy(nint handle);

    [DllImport(Library)]
    private static extern int tjDecompressHeader3(nint handle, byte[] file, CULong size, out int width, out int height, out int sampling, out int colours);

    [DllImport(Library)]
    private static extern int tjDecompress2(nint handle, byte[] file, CULong size, byte[] pixels, int width, int pitch, int height, int format, int flags);

    [DllImport(Library)]
    private static extern int tjCompress2(nint handle, byte[] pixels, int width, int pitch, int height, int format, ref nint file, ref CULong size, int sampling, int quality, int flags);

    [DllImport(Library)]
    private static extern void tjFree(nint buffer);

    [DllImport(Library)]
    private static extern nint tjGetErrorStr2(nint handle);

    [DllImport(Library)]
    private static extern int tjGetErrorCode(nint handle);

    public static bool IsOne(byte[] file) => file.Length > 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;

    public static Pixels Decode(byte[] file) => ImageFile.WithLibrary("Reading JPEG pictures", Package, () => Use(tjInitDecompress, handle =>
    {
        var size = new CULong((nuint)file.Length);
        Check(handle, tjDecompressHeader3(handle, file, size, out int width, out int height, out _, out int colours));
        var pixels = Pixels.Create(width, height);
        bool cmyk = colours is ColoursCmyk or ColoursYcck;
        Check(handle, tjDecompress2(handle, file, size, pixels.Bytes, width, 0, height, cmyk ? PixelCmyk : PixelBgra, FlagAccurateDct));
        if (cmyk)
            FromCmyk(pixels.Bytes);
        return pixels;
    }));

    /// <summary>Inks as printers' programs keep them, upside down: a colour is what its ink and the black one let through.</summary>
    private static void FromCmyk(byte[] bytes)
    {
        for (int i = 0; i < bytes.Length; i += 4)
        {
            int c = bytes[i], m = bytes[i + 1], y = bytes[i + 2], k = bytes[i + 3];
            bytes[i] = (byte)((y * k + 127) / 255);
            bytes[i + 1] = (byte)((m * k + 127) / 255);
            bytes[i + 2] = (byte)((c * k + 127) / 255);
            bytes[i + 3] = 255;
        }
    }

    public static byte[] Encode(Pixels pixels, int quality) => ImageFile.WithLibrary("Writing JPEG pictures", Package, () => Use(tjInitCompress, handle =>
    {
        nint buffer = 0;
        CULong size = default;
        try
        {
            Check(handle, tjCompress2(handle, pixels.Bytes, pixels.Width, 0, pixels.Height, PixelBgra, ref buffer, ref size, Sampling444, quality, FlagAccurateDct));
            var file = new byte[(int)size.Value];
            Marshal.Copy(buffer, file, 0, file.Length);
            return file;
        }
        finally
        {
            tjFree(buffer);
        }
    }));

    private static T Use<T>(Func<nint> open, Func<nint, T> work)
    {
        nint handle = open();
        if (handle == 0)
            throw new InvalidOperationException("libjpeg-turbo could not be started");
        try
        {
            return work(handle);
        }
        finally
        {
            _ = tjDestroy(handle);
        }
    }

    /// <summary>A warning, of a file that is cut off, say, leaves a picture that can be used.</summary>
    private static void Check(nint handle, int result)
    {
        if (result != 0 && tjGetErrorCode(handle) != ErrorWarning)
            throw new InvalidDataException("The JPEG picture cannot be read: " + Marshal.PtrToStringUTF8(tjGetErrorStr2(handle)));
    }
}
