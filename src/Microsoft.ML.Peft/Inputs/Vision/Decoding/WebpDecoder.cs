using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Vision.Decoding;

/// <summary>WebP through libwebp.</summary>
internal static unsafe partial class WebpDecoder
{
    private const byte HasAnimation = 0x02; // in the flags of the chunk VP8X

    public static RgbImage Decode(ReadOnlySpan<byte> bytes, string name)
    {
        SystemLibrary.Webp.Require();
        if (bytes.Length > 20 && bytes[12..].StartsWith("VP8X"u8) && (bytes[20] & HasAnimation) != 0)
            throw new InputFormatException(name, "this WebP picture moves, which is not read; save one of its frames.");
        fixed (byte* source = bytes)
        {
            int width, height;
            if (WebPGetInfo(source, (nuint)bytes.Length, &width, &height) == 0)
                throw new InputFormatException(name, "this is no WebP picture that libwebp reads; the file is damaged.");
            ImageDecoder.CheckSize(width, height, name);
            var pixels = RgbImage.NewPixels(width, height);
            fixed (byte* target = pixels)
            {
                if (WebPDecodeRGBAInto(source, (nuint)bytes.Length, target, (nuint)pixels.Length, width * RgbImage.PixelBytes) == null)
                    throw ImageDecoder.CutOff(name);
            }
            return new RgbImage(pixels, width, height);
        }
    }

    [LibraryImport(SystemLibrary.WebpName)]
    private static partial int WebPGetInfo(byte* source, nuint length, int* width, int* height);

    [LibraryImport(SystemLibrary.WebpName)]
    private static partial byte* WebPDecodeRGBAInto(byte* source, nuint length, byte* target, nuint size, int stride);
}
