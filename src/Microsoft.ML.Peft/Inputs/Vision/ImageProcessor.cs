using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>Makes the pixels that a vision model takes from pictures, with the numbers of Hugging Face's image processors.</summary>
/// <remarks>Safe to use from several threads.</remarks>
public sealed class ImageProcessor
{
    /// <summary>Name of the file in a model's folder.</summary>
    public const string FileName = "preprocessor_config.json";

    /// <summary>Most pixels of a side that a model may ask for.</summary>
    internal const int LargestSide = 8192;

    private const int Channels = 3;
    private const long MaxFileBytes = 16L << 20;

    // Of each channel the number that each byte becomes.
    private readonly float[][] _numbers;

    /// <summary>Makes a processor of settings.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public ImageProcessor(ImageProcessorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        _numbers = [.. Enumerable.Range(0, Channels).Select(c => Enumerable.Range(0, 256)
            .Select(value => (float)((value * options.RescaleFactor - options.Mean[c]) / options.Deviation[c])).ToArray())];
    }

    /// <summary>What it does.</summary>
    public ImageProcessorOptions Options { get; }

    /// <summary>Size of what it makes, or null where that depends on the picture.</summary>
    public ImageSize? OutputSize => Options.Crop ?? Options.Size;

    /// <summary>Reads the <c>preprocessor_config.json</c> of a model's folder: of ViT, Swin, DeiT, CLIP or BitImageProcessor (DINOv2).</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelFormatException">It is missing, damaged, or of a processor that this library does not have.</exception>
    public static ImageProcessor Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var path = BareFileName.Resolve(folder, FileName, folder);
        return new ImageProcessor(ImageProcessorConfig.Read(path, RegularFile.ReadAll(path, MaxFileBytes)));
    }

    /// <summary>Size of what it makes of a picture.</summary>
    public ImageSize SizeOf(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Options.Crop ?? ResizedSize(image);
    }

    /// <summary>Writes the numbers of a picture: all of red, all of green, all of blue, rows from top to bottom.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="destination">3·height·width numbers of <see cref="SizeOf"/>.</param>
    /// <exception cref="ArgumentException">The destination has another length, or the picture's proportions are too extreme.</exception>
    public void Process(RgbImage image, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        var size = ResizedSize(image);
        WriteCropped(Resizer.Resize(image, size.Width, size.Height, Options.Resampling), destination);
    }

    /// <summary>Writes the numbers of a picture that has its final size already, such as an augmented one: rescaled and normalised only.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="destination">3·height·width numbers.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void Normalise(RgbImage image, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckLength(new(image.Width, image.Height), destination);
        Write(image, 0, 0, new(image.Width, image.Height), destination);
    }

    /// <summary>The numbers of pictures as one tensor (batch, 3, height, width), Float32, which no dispose scope owns.</summary>
    /// <param name="images">One picture or more, which all get one size.</param>
    /// <exception cref="ArgumentException">There is no picture, or they get different sizes.</exception>
    public Tensor Batch(IReadOnlyList<RgbImage> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0)
            throw new ArgumentException("A batch needs at least one picture.", nameof(images));
        var size = SizeOf(images[0]);
        var length = Channels * size.Width * size.Height;
        var numbers = new float[checked(images.Count * length)];
        for (var k = 0; k < images.Count; k++)
        {
            if (SizeOf(images[k]) != size)
                throw new ArgumentException($"Picture {k} gets {SizeOf(images[k])} pixels and picture 0 {size}; a batch needs one size, set Size or Crop.", nameof(images));
            Process(images[k], numbers.AsSpan(k * length, length));
        }
        return tensor(numbers, [images.Count, Channels, size.Height, size.Width]).DetachFromDisposeScope();
    }

    private ImageSize ResizedSize(RgbImage image)
    {
        if (Options.Size is { } size)
            return size;
        if (Options.ShortestEdge is not { } edge)
            return new(image.Width, image.Height);
        var (shorter, longer) = (Math.Min(image.Width, image.Height), Math.Max(image.Width, image.Height));
        var scaled = (int)Math.Min(int.MaxValue, (double)((long)edge * longer) / shorter);
        return image.Width <= image.Height ? new(edge, scaled) : new(scaled, edge);
    }

    private void WriteCropped(RgbImage image, Span<float> destination)
    {
        var size = Options.Crop ?? new(image.Width, image.Height);
        CheckLength(size, destination);
        // Half a pixel goes to the right and the bottom; a picture that is too small gets its larger half of black there as well.
        Write(image, FloorHalf(image.Width - size.Width), FloorHalf(image.Height - size.Height), size, destination);
    }

    private static int FloorHalf(int difference) => difference >> 1;

    private static void CheckLength(ImageSize size, Span<float> destination)
    {
        var length = (long)Channels * size.Width * size.Height;
        if (destination.Length != length)
            throw new ArgumentException($"destination has room for {destination.Length} numbers; 3 x {size} pixels have {length}.", nameof(destination));
    }

    /// <summary>Writes the part of a picture from a corner on, which may lie outside.</summary>
    private void Write(RgbImage image, int left, int top, ImageSize size, Span<float> destination)
    {
        var plane = size.Width * size.Height;
        // What lies outside is black before rescaling.
        if (left < 0 || top < 0 || left + size.Width > image.Width || top + size.Height > image.Height)
        {
            for (var c = 0; c < Channels; c++)
                destination.Slice(c * plane, plane).Fill(_numbers[c][0]);
        }
        var (firstX, lastX) = (Math.Max(0, -left), Math.Min(size.Width, image.Width - left));
        var (firstY, lastY) = (Math.Max(0, -top), Math.Min(size.Height, image.Height - top));
        var (reds, greens, blues) = (_numbers[0], _numbers[1], _numbers[2]);
        for (var y = firstY; y < lastY; y++)
        {
            var row = image.Data.AsSpan((((top + y) * image.Width) + left + firstX) * RgbImage.PixelBytes, (lastX - firstX) * RgbImage.PixelBytes);
            var at = (y * size.Width) + firstX;
            var red = destination.Slice(at, lastX - firstX);
            var green = destination.Slice(plane + at, red.Length);
            var blue = destination.Slice((2 * plane) + at, red.Length);
            for (var x = 0; x < red.Length; x++)
            {
                var from = x * RgbImage.PixelBytes;
                red[x] = reds[row[from]];
                green[x] = greens[row[from + 1]];
                blue[x] = blues[row[from + 2]];
            }
        }
    }
}
