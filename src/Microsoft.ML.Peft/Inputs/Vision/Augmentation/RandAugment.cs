namespace Microsoft.ML.Peft.Inputs.Vision.Augmentation;

/// <summary>RandAugment (Cubuk et al., 2020): some changes drawn from fourteen, all of one strength; ranges as torchvision has them.</summary>
internal static class RandAugment
{
    /// <summary>The strongest magnitude.</summary>
    public const int MostMagnitude = 30;

    // The change, and what it may do with a strength from 0 to 1; a sign is drawn where it has two directions.
    private static readonly Func<RgbImage, double, Random, RgbImage>[] Changes =
    [
        (image, _, _) => image,
        (image, strength, random) => PixelMoves.ShearX(image, Signed(0.3 * strength, random)),
        (image, strength, random) => PixelMoves.ShearY(image, Signed(0.3 * strength, random)),
        (image, strength, random) => PixelMoves.TranslateX(image, (int)Signed(150.0 / 331 * image.Width * strength, random)),
        (image, strength, random) => PixelMoves.TranslateY(image, (int)Signed(150.0 / 331 * image.Height * strength, random)),
        (image, strength, random) => PixelMoves.Rotate(image, Signed(30 * strength, random)),
        (image, strength, random) => PixelAdjustments.Brightness(image, 1 + Signed(0.9 * strength, random)),
        (image, strength, random) => PixelAdjustments.Saturation(image, 1 + Signed(0.9 * strength, random)),
        (image, strength, random) => PixelAdjustments.Contrast(image, 1 + Signed(0.9 * strength, random)),
        (image, strength, random) => PixelAdjustments.Sharpness(image, 1 + Signed(0.9 * strength, random)),
        (image, strength, _) => PixelAdjustments.Posterize(image, 8 - (int)Math.Round(4 * strength)),
        (image, strength, _) => PixelAdjustments.Solarize(image, (int)(255 * (1 - strength))),
        (image, _, _) => PixelAdjustments.AutoContrast(image),
        (image, _, _) => PixelAdjustments.Equalize(image),
    ];

    public static RgbImage Apply(RgbImage image, int operations, int magnitude, Random random)
    {
        for (var i = 0; i < operations; i++)
            image = Changes[random.Next(Changes.Length)](image, (double)magnitude / MostMagnitude, random);
        return image;
    }

    private static double Signed(double value, Random random) => random.Next(2) == 0 ? value : -value;
}
