using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;

namespace Microsoft.ML.Peft.Tests.Inputs.Vision;

/// <summary>Resizing gives the very bytes of Pillow.</summary>
[TestClass]
public sealed class ResizerTests
{
    [TestMethod]
    [DataRow(Resampling.Nearest)]
    [DataRow(Resampling.Lanczos)]
    [DataRow(Resampling.Bilinear)]
    [DataRow(Resampling.Bicubic)]
    [DataRow(Resampling.Box)]
    [DataRow(Resampling.Hamming)]
    public void Bytes_are_equal(Resampling resampling)
    {
        var image = RgbImage.Load(ImageCases.PathOf("large.png"));
        var count = 0;
        foreach (var item in ImageCases.Of("resize").Where(c => c.GetProperty("filter").GetInt32() == (int)resampling))
        {
            int[] box = item.TryGetProperty("box", out var recorded) ? [.. recorded.EnumerateArray().Select(n => n.GetInt32())] : [0, 0, image.Width, image.Height];
            var actual = Resizer.Resize(
                image, item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), resampling, box[0], box[1], box[2] - box[0], box[3] - box[1]);
            Assert.AreEqual(0, ImageCases.Difference(item, actual), item.ToString());
            count++;
        }
        Assert.IsGreaterThanOrEqualTo(3, count);
    }

    [TestMethod]
    public void Sizes_and_rectangles_are_checked()
    {
        var image = RgbImage.FromPixels(new byte[12], 2, 2, PixelFormat.Rgb24);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Resizer.Resize(image, 0, 5));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Resizer.Resize(image, 1 << 20, 1 << 20));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Resizer.Resize(image, 5, 5, Resampling.Bilinear, 1, 0, 2, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Resizer.Resize(image, 5, 5, (Resampling)9));
        var line = RgbImage.FromPixels(new byte[3 << 20], 1, 1 << 20, PixelFormat.Rgb24);
        Assert.ThrowsExactly<ArgumentException>(() => Resizer.Resize(line, 224, 224));
    }
}
