using Microsoft.ML.Peft.Inputs.Vision.Resizing;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>What a model wants done with a picture, in this order: resize, crop, rescale, normalise.</summary>
public sealed record ImageProcessorOptions
{
    /// <summary>Width and height to resize to, whatever the picture's proportions; null where <see cref="ShortestEdge"/> says it, or to keep the size.</summary>
    public ImageSize? Size { get; init; }

    /// <summary>Pixels of the shorter side after resizing, the longer one in proportion; null where <see cref="Size"/> says it, or to keep the size.</summary>
    public int? ShortestEdge { get; init; }

    /// <summary>How pixels are weighted. Default <see cref="Resampling.Bilinear"/>.</summary>
    public Resampling Resampling { get; init; } = Resampling.Bilinear;

    /// <summary>The middle part that is kept, with black around it where the picture is smaller; null to keep all.</summary>
    public ImageSize? Crop { get; init; }

    /// <summary>Factor of each byte before normalising. Default 1/255.</summary>
    public double RescaleFactor { get; init; } = 1.0 / 255;

    /// <summary>Means of red, green and blue, which are subtracted. Default 0.5 each.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [0.5, 0.5, 0.5];

    /// <summary>Deviations of red, green and blue, by which is divided; above 0. Default 0.5 each.</summary>
    public IReadOnlyList<double> Deviation { get; init; } = [0.5, 0.5, 0.5];

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">One is outside its range.</exception>
    public void Validate()
    {
        if (Size != null && ShortestEdge != null)
            throw new ArgumentException($"Size is {Size} and ShortestEdge is {ShortestEdge}; give one of them.");
        foreach (var size in new[] { Size, Crop })
        {
            Guard.InRange(size?.Width ?? 1, 1, ImageProcessor.LargestSide, "Width");
            Guard.InRange(size?.Height ?? 1, 1, ImageProcessor.LargestSide, "Height");
        }
        Guard.InRange(ShortestEdge ?? 1, 1, ImageProcessor.LargestSide, nameof(ShortestEdge));
        Guard.Positive(RescaleFactor);
        if (Mean.Count != 3 || Deviation.Count != 3)
            throw new ArgumentException($"Mean has {Mean.Count} and Deviation {Deviation.Count} numbers; there must be 3, for red, green and blue.");
        for (var c = 0; c < 3; c++)
        {
            Guard.InRange(Mean[c], -1e6, 1e6, nameof(Mean));
            Guard.Positive(Deviation[c], nameof(Deviation));
        }
    }
}
