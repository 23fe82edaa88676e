using Microsoft.ML.Peft.Inputs.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>A few pictures in memory, cut out and mirrored anew for each step.</summary>
/// <param name="images">The pictures.</param>
/// <param name="processor">The model's own size, resampling and normalisation.</param>
/// <param name="augmentation">How pictures are changed; null for rectangles of 8 to 100 % of the area, mirrored or not.</param>
public sealed class FewShotPictures(IReadOnlyList<RgbImage> images, ImageProcessor processor, ImageAugmentation? augmentation = null)
{
    private const int Channels = 3;

    private readonly ImageAugmentation _augmentation = augmentation ?? new ImageAugmentation();

    /// <summary>Some of the pictures (rows, 3, height, width), changed: what <see cref="FewShotTraining"/> asks for.</summary>
    /// <param name="rows">Which of them.</param>
    /// <param name="random">Where random numbers come from.</param>
    /// <exception cref="PeftException">The processor gives pictures no common size.</exception>
    public Tensor Of(IReadOnlyList<int> rows, Random random)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var size = processor.OutputSize ?? throw new PeftException("The image processor keeps the proportions of pictures; set its Size or Crop, so that all have one size.");
        var length = Channels * size.Width * size.Height;
        var numbers = new float[checked(rows.Count * length)];
        for (var k = 0; k < rows.Count; k++)
        {
            processor.Normalise(_augmentation.Apply(images[rows[k]], size, processor.Options.Resampling, random), numbers.AsSpan(k * length, length));
        }

        return tensor(numbers, [rows.Count, Channels, size.Height, size.Width]);
    }
}
