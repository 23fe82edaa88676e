using System.Text.Json;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Inputs.Vision;

namespace Microsoft.ML.Peft.Tests.Inputs.Vision;

/// <summary>Pictures are read as Pillow reads them.</summary>
[TestClass]
public sealed class ImageDecodingTests
{
    public static IEnumerable<object[]> Decoded() => ImageCases.Of("decode").Select(c => new object[] { c.GetProperty("file").GetString()!, c.ToString() });

    public static IEnumerable<object[]> Turned() => ImageCases.Of("orientation").Select(c => new object[] { c.GetProperty("file").GetString()!, c.ToString() });

    [TestMethod]
    [DynamicData(nameof(Decoded))]
    public void Pixels_are_equal(string file, string recorded)
    {
        var image = RgbImage.Load(ImageCases.PathOf(file));
        // Pillow's own libjpeg may not be the one of this machine.
        var most = file.EndsWith(".jpg", StringComparison.Ordinal) ? 2 : 0;
        Assert.IsLessThanOrEqualTo(most, ImageCases.Difference(Parse(recorded), image));
    }

    [TestMethod]
    [DynamicData(nameof(Turned))]
    public void Cameras_that_were_turned(string file, string recorded)
    {
        Assert.IsLessThanOrEqualTo(file.EndsWith(".jpg", StringComparison.Ordinal) ? 2 : 0, ImageCases.Difference(Parse(recorded), RgbImage.Load(ImageCases.PathOf(file))));
        var asStored = RgbImage.Load(ImageCases.PathOf(file), applyOrientation: false);
        Assert.AreEqual((20, 13), (asStored.Width, asStored.Height));
    }

    [TestMethod]
    public void Pixels_from_elsewhere()
    {
        byte[] rgb = [1, 2, 3, 4, 5, 6];
        CollectionAssert.AreEqual(rgb, RgbImage.FromPixels(rgb, 2, 1, PixelFormat.Rgb24).ToRgb24());
        CollectionAssert.AreEqual(rgb, RgbImage.FromPixels([3, 2, 1, 6, 5, 4], 1, 2, PixelFormat.Bgr24).ToRgb24());
        CollectionAssert.AreEqual(rgb, RgbImage.FromPixels([1, 2, 3, 0, 4, 5, 6, 9], 2, 1, PixelFormat.Rgba32).ToRgb24());
        CollectionAssert.AreEqual(rgb, RgbImage.FromPixels([3, 2, 1, 0, 6, 5, 4, 9], 2, 1, PixelFormat.Bgra32).ToRgb24());
        CollectionAssert.AreEqual((byte[])[7, 7, 7], RgbImage.FromPixels([7], 1, 1, PixelFormat.Gray8).ToRgb24());
        Assert.ThrowsExactly<ArgumentException>(() => RgbImage.FromPixels(rgb, 2, 2, PixelFormat.Rgb24));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => RgbImage.FromPixels(rgb, 0, 2, PixelFormat.Rgb24));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => RgbImage.FromPixels(rgb, 1 << 20, 1 << 20, PixelFormat.Rgb24));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => RgbImage.FromPixels(rgb, 2, 1, (PixelFormat)9));
    }

    [TestMethod]
    public void Files_that_end_early_are_refused()
    {
        foreach (var file in ImageCases.Of("decode").Select(c => c.GetProperty("file").GetString()!))
        {
            var bytes = File.ReadAllBytes(ImageCases.PathOf(file));
            foreach (var length in (int[])[0, 1, 9, 20, bytes.Length / 3, bytes.Length / 2])
            {
                var error = Assert.ThrowsExactly<InputFormatException>(() => RgbImage.Decode(bytes.AsSpan(0, length), "the file"), $"{file} cut to {length}");
                StringAssert.StartsWith(error.Message, "the file: ");
            }
        }
    }

    [TestMethod]
    public void Sizes_beyond_the_limit_take_no_memory()
    {
        var png = File.ReadAllBytes(ImageCases.PathOf("rgbn.png"));
        png.AsSpan(16).Clear();
        var bmp = File.ReadAllBytes(ImageCases.PathOf("rgb.bmp"));
        BitConverter.TryWriteBytes(bmp.AsSpan(18), 1 << 30);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.ThrowsExactly<InputFormatException>(() => RgbImage.Decode(png));
        Assert.ThrowsExactly<InputFormatException>(() => RgbImage.Decode(bmp));
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void A_missing_library_is_named_with_its_package()
    {
        var message = SystemLibrary.TurboJpeg.Missing(["libturbojpeg.so.0"]);
        StringAssert.Contains(message, "libturbojpeg.so.0");
        if (OperatingSystem.IsLinux())
            StringAssert.Contains(message, "apt-get install libturbojpeg0");
    }

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
