using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Inputs.Vision.Augmentation;

/// <summary>Moves, shears and turns the pixels of a picture, with black where nothing was; each new pixel is the nearest old one.</summary>
internal static class PixelMoves
{
    /// <summary>Rows slide to the left by <paramref name="amount"/> of a pixel for each row.</summary>
    public static RgbImage ShearX(RgbImage image, double amount) => Map(image, 1, amount, 0, 0, 1, 0);

    /// <summary>Columns slide up by <paramref name="amount"/> of a pixel for each column.</summary>
    public static RgbImage ShearY(RgbImage image, double amount) => Map(image, 1, 0, 0, amount, 1, 0);

    /// <summary>Moves to the right.</summary>
    public static RgbImage TranslateX(RgbImage image, int pixels) => Map(image, 1, 0, -pixels, 0, 1, 0);

    /// <summary>Moves down.</summary>
    public static RgbImage TranslateY(RgbImage image, int pixels) => Map(image, 1, 0, 0, 0, 1, -pixels);

    /// <summary>Turns counter-clockwise about the middle.</summary>
    public static RgbImage Rotate(RgbImage image, double degrees)
    {
        var angle = -degrees % 360 * Math.PI / 180;
        // Rounded as Pillow rounds them: a quarter turn hits pixels exactly.
        var (cos, sin) = (Math.Round(Math.Cos(angle), 15), Math.Round(Math.Sin(angle), 15));
        var (middleX, middleY) = (image.Width / 2.0, image.Height / 2.0);
        return Map(image, cos, sin, middleX - (cos * middleX) - (sin * middleY), -sin, cos, middleY + (sin * middleX) - (cos * middleY));
    }

    /// <summary>The new pixel (x, y) is the old one at (a·x + b·y + c, d·x + e·y + f), taken in the middle of pixels, in 1/65536 as Pillow does.</summary>
    private static RgbImage Map(RgbImage image, double a, double b, double c, double d, double e, double f)
    {
        int width = image.Width, height = image.Height;
        var pixels = RgbImage.NewPixels(width, height);
        var source = MemoryMarshal.Cast<byte, uint>(image.Data);
        var target = MemoryMarshal.Cast<byte, uint>(pixels.AsSpan());
        var (startX, startY) = (Fixed(c + (a * 0.5) + (b * 0.5)), Fixed(f + (d * 0.5) + (e * 0.5)));
        var (rightX, rightY, downX, downY) = (Fixed(a), Fixed(d), Fixed(b), Fixed(e));
        for (var y = 0; y < height; y++, startX += downX, startY += downY)
        {
            var (fromX, fromY) = (startX, startY);
            foreach (ref var pixel in target.Slice(y * width, width))
            {
                var (column, row) = (fromX >> 16, fromY >> 16);
                var isInside = column >= 0 && column < width && row >= 0 && row < height;
                pixel = isInside ? source[(int)((row * width) + column)] : 0;
                (fromX, fromY) = (fromX + rightX, fromY + rightY);
            }
        }
        return new RgbImage(pixels, width, height);
    }

    private static long Fixed(double value) => (long)Math.Floor((value * 65536) + 0.5);
}
