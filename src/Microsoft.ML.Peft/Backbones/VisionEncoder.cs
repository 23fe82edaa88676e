using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A model over pictures.</summary>
public abstract class VisionEncoder : Backbone
{
    private protected VisionEncoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        ImageSize = config.Size("image_size", 1 << 14, 224);
        Channels = config.Int("num_channels", 1, 64, 3);
    }

    /// <summary>Height and width of the pictures that it was trained on.</summary>
    public (int Height, int Width) ImageSize { get; }

    /// <summary>Channels of the pictures.</summary>
    public int Channels { get; }

    /// <summary>Width of <see cref="Features"/>.</summary>
    public abstract int FeatureSize { get; }

    /// <summary>Hidden states of the last block, after the last norm.</summary>
    /// <param name="pixels">(batch, channels, height, width), normalized.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <returns>(batch·tokens, hidden).</returns>
    public abstract Tensor Forward(Tensor pixels, ForwardContext context);

    /// <summary>What a classifier sees of each picture: (batch, <see cref="FeatureSize"/>).</summary>
    public abstract Tensor Features(Tensor pixels, ForwardContext context);

    /// <summary>Checks that pixels are a batch of pictures whose sides are multiples of the patch.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    private protected (long Rows, long Height, long Width) Check(Tensor pixels, (long Height, long Width) patch)
        => CheckPixels(pixels, Channels, patch);

    internal static (long Rows, long Height, long Width) CheckPixels(Tensor pixels, int channels, (long Height, long Width) patch)
    {
        var shape = pixels.shape;
        return shape.Length == 4 && shape[1] == channels && shape[2] >= patch.Height && shape[3] >= patch.Width
            && shape[2] % patch.Height == 0 && shape[3] % patch.Width == 0
            ? (shape[0], shape[2], shape[3])
            : throw new ArgumentException(
                $"The pixels have the shape ({string.Join(", ", shape)}); this model needs (batch, {channels}, height, width) "
                + $"with a height that is a multiple of {patch.Height} and a width that is a multiple of {patch.Width}.",
                nameof(pixels));
    }
}
