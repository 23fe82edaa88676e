using Microsoft.ML.Peft.Inputs.Vision.Augmentation;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>Random changes of training pictures, in this order: crop, flip, colours, RandAugment. Equal random numbers give equal pictures.</summary>
public sealed record ImageAugmentation
{
    // After so many tries that do not fit, the middle is cut out.
    private const int Tries = 10;

    /// <summary>Smallest part of the area that a random crop keeps, above 0 to 1; 1 keeps the middle as evaluation does. Default 0.08.</summary>
    public double MinArea { get; init; } = 0.08;

    /// <summary>Largest part of the area that a random crop keeps, <see cref="MinArea"/> to 1. Default 1.</summary>
    public double MaxArea { get; init; } = 1;

    /// <summary>Smallest width of a crop by its height, above 0. Default 3/4.</summary>
    public double MinRatio { get; init; } = 3.0 / 4;

    /// <summary>Largest width of a crop by its height, <see cref="MinRatio"/> or more. Default 4/3.</summary>
    public double MaxRatio { get; init; } = 4.0 / 3;

    /// <summary>How likely left and right are mirrored, 0 to 1. Default 0.5.</summary>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>Brightness is multiplied by a number from 1 − this to 1 + this, 0 to 1. Default 0.</summary>
    public double Brightness { get; init; }

    /// <summary>Contrast is multiplied by a number from 1 − this to 1 + this, 0 to 1. Default 0.</summary>
    public double Contrast { get; init; }

    /// <summary>Saturation is multiplied by a number from 1 − this to 1 + this, 0 to 1. Default 0.</summary>
    public double Saturation { get; init; }

    /// <summary>The hue is turned by a part of a whole turn from −this to this, 0 to 0.5. Default 0.</summary>
    public double Hue { get; init; }

    /// <summary>Changes that RandAugment (Cubuk et al., 2020) draws, 0 to 14; 0 for none. Default 0.</summary>
    public int RandAugmentOperations { get; init; }

    /// <summary>How strong RandAugment's changes are, 0 to 30. Default 9.</summary>
    public int RandAugmentMagnitude { get; init; } = 9;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">One is outside its range.</exception>
    public void Validate()
    {
        Guard.InRange(MinArea, 1e-6, 1);
        Guard.InRange(MaxArea, MinArea, 1);
        Guard.InRange(MinRatio, 1e-3, 1e3);
        Guard.InRange(MaxRatio, MinRatio, 1e3);
        Guard.InRange(FlipProbability, 0, 1);
        Guard.InRange(Brightness, 0, 1);
        Guard.InRange(Contrast, 0, 1);
        Guard.InRange(Saturation, 0, 1);
        Guard.InRange(Hue, 0, 0.5);
        Guard.InRange(RandAugmentOperations, 0, 14);
        Guard.InRange(RandAugmentMagnitude, 0, RandAugment.MostMagnitude);
    }

    /// <summary>Changes a picture and brings it to the size that a model takes; <see cref="ImageProcessor.Normalise"/> makes numbers of it.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="size">Width and height of the result.</param>
    /// <param name="resampling">How pixels are weighted.</param>
    /// <param name="random">Where random numbers come from.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public RgbImage Apply(RgbImage image, ImageSize size, Resampling resampling, Random random)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(random);
        Validate();
        var (left, top, width, height) = Crop(image, random);
        image = Resizer.Resize(image, size.Width, size.Height, resampling, left, top, width, height);
        if (random.NextDouble() < FlipProbability)
            image = PixelAdjustments.Flip(image);
        return RandAugment.Apply(Jitter(image, random), RandAugmentOperations, RandAugmentMagnitude, random);
    }

    /// <summary>A rectangle of random area and proportions, or the middle where none fits.</summary>
    private (int Left, int Top, int Width, int Height) Crop(RgbImage image, Random random)
    {
        for (var i = 0; i < Tries; i++)
        {
            var area = (double)image.Width * image.Height * Between(MinArea, MaxArea, random);
            var ratio = Math.Exp(Between(Math.Log(MinRatio), Math.Log(MaxRatio), random));
            var (width, height) = (Math.Round(Math.Sqrt(area * ratio)), Math.Round(Math.Sqrt(area / ratio)));
            if (width >= 1 && height >= 1 && width <= image.Width && height <= image.Height)
                return (random.Next(image.Width - (int)width + 1), random.Next(image.Height - (int)height + 1), (int)width, (int)height);
        }
        var proportion = Math.Clamp((double)image.Width / image.Height, MinRatio, MaxRatio);
        var middleWidth = Math.Clamp((int)Math.Round(image.Height * proportion), 1, image.Width);
        var middleHeight = Math.Clamp((int)Math.Round(image.Width / proportion), 1, image.Height);
        return ((image.Width - middleWidth) / 2, (image.Height - middleHeight) / 2, middleWidth, middleHeight);
    }

    /// <summary>Colour changes in random order, as each depends on those before it.</summary>
    private RgbImage Jitter(RgbImage image, Random random)
    {
        int[] order = [0, 1, 2, 3];
        random.Shuffle(order);
        foreach (var change in order)
        {
            var (reach, apply) = change switch
            {
                0 => (Brightness, (Func<double, RgbImage>)(x => PixelAdjustments.Brightness(image, 1 + x))),
                1 => (Contrast, x => PixelAdjustments.Contrast(image, 1 + x)),
                2 => (Saturation, x => PixelAdjustments.Saturation(image, 1 + x)),
                _ => (Hue, x => PixelAdjustments.Hue(image, x)),
            };
            if (reach > 0)
                image = apply(Between(-reach, reach, random));
        }
        return image;
    }

    private static double Between(double low, double high, Random random) => low + ((high - low) * random.NextDouble());
}
