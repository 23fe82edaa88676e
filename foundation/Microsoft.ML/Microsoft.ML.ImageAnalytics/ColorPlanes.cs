using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Transforms;

/// <summary>Which place each colour has among those that a vector holds, −1 where it has none.</summary>
internal readonly record struct ColorPlanes(int Alpha, int Red, int Green, int Blue, int Count)
{
    public static ColorPlanes Of(ImagePixelExtractingEstimator.ColorBits colors, ImagePixelExtractingEstimator.ColorsOrder order)
    {
        int next = 0, alpha = -1, red = -1, green = -1, blue = -1;
        // The names of the orders are the orders.
        foreach (char c in order.ToString())
        {
            switch (c)
            {
                case 'A' when colors.HasFlag(ImagePixelExtractingEstimator.ColorBits.Alpha):
                    alpha = next++;
                    break;
                case 'R' when colors.HasFlag(ImagePixelExtractingEstimator.ColorBits.Red):
                    red = next++;
                    break;
                case 'G' when colors.HasFlag(ImagePixelExtractingEstimator.ColorBits.Green):
                    green = next++;
                    break;
                case 'B' when colors.HasFlag(ImagePixelExtractingEstimator.ColorBits.Blue):
                    blue = next++;
                    break;
            }
        }
        return new ColorPlanes(alpha, red, green, blue, next);
    }

    /// <summary>The index of a colour of a pixel: planes one after the other, or the colours of a pixel side by side.</summary>
    public int Index(int plane, int pixel, int pixels, bool interleaved) => interleaved ? pixel * Count + plane : plane * pixels + pixel;

    public static bool AreKnown(ImagePixelExtractingEstimator.ColorBits colors, ImagePixelExtractingEstimator.ColorsOrder order) =>
        colors != 0 && (colors & ~ImagePixelExtractingEstimator.ColorBits.All) == 0 && Enum.IsDefined(order);
}
