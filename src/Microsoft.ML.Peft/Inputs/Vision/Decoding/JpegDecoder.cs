using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>JPEG through libjpeg-turbo, with the exact transform and the smooth upsampling that Pillow uses too.</summary>
internal static unsafe partial class JpegDecoder
{
    private const int FormatRgbx = 2;
    private const int FormatCmyk = 11;
    private const int SpaceCmyk = 3;
    private const int SpaceYcck = 4;
    private const int FatalError = 1;

    // More than 500 scans are an attack on patience.
    private const int LimitScans = 0x8000;

    // A block of 64 pixels takes a bit at least.
    private const int MostCompression = 1024;

    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        SystemLibrary.TurboJpeg.Require();
        var decoder = tjInitDecompress();
        if (decoder == 0)
            throw new OutOfMemoryException("libjpeg-turbo could not start.");
        try
        {
            fixed (byte* source = bytes)
            {
                int width, height, sampling, space;
                if (tjDecompressHeader3(decoder, source, (nuint)bytes.Length, &width, &height, &sampling, &space) != 0 && tjGetErrorCode(decoder) == FatalError)
                    throw Refused(decoder, name);
                ImageDecoder.CheckSize(width, height, name);
                ImageDecoder.CheckFilled((long)width * height, bytes.Length, MostCompression, name);
                var isCmyk = space is SpaceCmyk or SpaceYcck;
                var pixels = RgbImage.NewPixels(width, height);
                int status;
                fixed (byte* target = pixels)
                {
                    status = tjDecompress2(
                        decoder, source, (nuint)bytes.Length, target, width, width * RgbImage.PixelBytes, height, isCmyk ? FormatCmyk : FormatRgbx, LimitScans);
                }
                if (status != 0 && (tjGetErrorCode(decoder) == FatalError || !IsHarmless(Message(decoder))))
                    throw Refused(decoder, name);
                if (isCmyk)
                    ConvertInvertedCmyk(pixels);
                return new RgbImage(pixels, width, height);
            }
        }
        finally
        {
            _ = tjDestroy(decoder);
        }
    }

    /// <summary>Four inks to three lights in Pillow's arithmetic; the inks are stored inverted, as Adobe's programs write them.</summary>
    private static void ConvertInvertedCmyk(byte[] pixels)
    {
        for (var i = 0; i < pixels.Length; i += RgbImage.PixelBytes)
        {
            int light = pixels[i + 3]; // 255 less the black ink
            for (var c = 0; c < 3; c++)
            {
                var product = ((255 - pixels[i + c]) * light) + 128;
                pixels[i + c] = (byte)Math.Max(0, light - (((product >> 8) + product) >> 8));
            }
        }
    }

    /// <summary>Warnings that many files of sloppy writers cause and that cost no pixel.</summary>
    private static bool IsHarmless(string warning)
        => warning.Contains("extraneous bytes", StringComparison.Ordinal)
            || warning.Contains("Unknown Adobe color transform", StringComparison.Ordinal)
            || warning.Contains("Invalid SOS parameters", StringComparison.Ordinal);

    private static InputFormatException Refused(nint decoder, string name) => new(name, $"this is no whole JPEG picture: {Message(decoder)}.");

    private static string Message(nint decoder) => Marshal.PtrToStringUTF8(tjGetErrorStr2(decoder)) ?? "";

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial nint tjInitDecompress();

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial int tjDecompressHeader3(nint decoder, byte* source, nuint length, int* width, int* height, int* sampling, int* space);

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial int tjDecompress2(nint decoder, byte* source, nuint length, byte* target, int width, int pitch, int height, int format, int flags);

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial int tjDestroy(nint decoder);

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial int tjGetErrorCode(nint decoder);

    [LibraryImport(SystemLibrary.TurboJpegName)]
    private static partial nint tjGetErrorStr2(nint decoder);
}
