using System.Runtime.InteropServices;

namespace Microsoft.ML.Data;

/// <summary>PNG files, by libpng's simplified interface.</summary>
internal static unsafe class PngFile
{
    private const string Library = "libpng16.so.16";
    private const string Package = "libpng16-16";

    // Numbers of the library's interface.
    private const uint InterfaceVersion = 1, FormatBgra = 0x13, FailedBit = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct PngImage
    {
        public nint Opaque;
        public uint Version;
        public uint Width;
        public uint Height;
        public uint Format;
        public uint Flags;
        public uint ColormapEntries;
        public uint WarningOrError;
        public fixed byte Message[64];
    }

    [DllImport(Library)]
    private static extern int png_image_begin_read_from_memory(PngImage* image, byte* file, nuint size);

    [DllImport(Library)]
    private static extern int png_image_finish_read(PngImage* image, void* background, byte* pixels, int rowStride, void* colormap);

    [DllImport(Library)]
    private static extern void png_image_free(PngImage* image);

    [DllImport(Library)]
    private static extern int png_image_write_to_memory(PngImage* image, byte* file, nuint* size, int convertTo8Bit, byte* pixels, int rowStride, void* colormap);

    private static readonly byte[] Magic = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    public static bool IsOne(byte[] file) => file.AsSpan().StartsWith(Magic);

    public static Pixels Decode(byte[] file) => ImageFile.WithLibrary("Reading PNG pictures", Package, () =>
    {
        var image = new PngImage { Version = InterfaceVersion };
        fixed (byte* bytes = file)
        {
            try
            {
                Check(image, png_image_begin_read_from_memory(&image, bytes, (nuint)file.Length));
                image.Format = FormatBgra;
                var pixels = Pixels.Create(image.Width, image.Height);
                fixed (byte* target = pixels.Bytes)
                    Check(image, png_image_finish_read(&image, null, target, 0, null));
                pixels.Premultiply();
                return pixels;
            }
            finally
            {
                png_image_free(&image);
            }
        }
    });

    /// <summary>The pixels, which must not be multiplied by their alpha, as a file.</summary>
    public static byte[] Encode(Pixels pixels) => ImageFile.WithLibrary("Writing PNG pictures", Package, () =>
    {
        var image = new PngImage { Version = InterfaceVersion, Width = (uint)pixels.Width, Height = (uint)pixels.Height, Format = FormatBgra };
        fixed (byte* source = pixels.Bytes)
        {
            nuint size = 0;
            Check(image, png_image_write_to_memory(&image, null, &size, 0, source, 0, null));
            var file = new byte[checked((int)size)];
            fixed (byte* target = file)
                Check(image, png_image_write_to_memory(&image, target, &size, 0, source, 0, null));
            return file[..(int)size];
        }
    });

    private static void Check(PngImage image, int result)
    {
        if (result == 0 || (image.WarningOrError & FailedBit) != 0)
            throw new InvalidDataException("The PNG picture cannot be used: " + Marshal.PtrToStringUTF8((nint)image.Message));
    }
}
