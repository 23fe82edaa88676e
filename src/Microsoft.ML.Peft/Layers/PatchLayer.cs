using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Cuts pictures into patches and maps each to a vector: a 2-D convolution without padding, as one matrix product.</summary>
public sealed class PatchLayer : Layer
{
    private readonly Tensor _weight; // (out, channels, height, width)
    private readonly Tensor? _bias;
    private readonly (long Height, long Width) _kernel;
    private readonly (long Height, long Width) _stride;

    internal PatchLayer(
        string path, int index, Tensor weight, Tensor? bias, (long Height, long Width) kernel, (long Height, long Width) stride)
        : base(path, index) => (_weight, _bias, _kernel, _stride) = (weight, bias, kernel, stride);

    /// <summary>Patches down and across for a picture of a size.</summary>
    public (long Rows, long Columns) Grid(long height, long width)
        => (((height - _kernel.Height) / _stride.Height) + 1, ((width - _kernel.Width) / _stride.Width) + 1);

    /// <inheritdoc/>
    public override Tensor FrozenWeight => _weight;

    /// <inheritdoc/>
    public override Tensor? FrozenBias => _bias;

    /// <summary>pixels (batch, channels, height, width) gives (batch·patches, out), row by row of patches.</summary>
    public Tensor Forward(Tensor pixels, ForwardContext context)
    {
        if (context.Divides(this))
        {
            return context.ByRows(pixels, Forward);
        }

        pixels = pixels.to(_weight.dtype); // pictures come in Float32
        foreach (var adapter in (context.AdaptersOf(this) ?? []).OfType<WeightAdapter>())
        {
            pixels = adapter.MaterializeInput(pixels, context);
        }

        return context.Convolved(this, pixels, (input, weight, bias) => nn.functional.linear(Patches(input), weight.flatten(1), bias));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors()
        => _bias is null ? [("weight", _weight)] : [("weight", _weight), ("bias", _bias)];

    // (batch, channels, height, width) gives (batch·patches, channels·h·w).
    private Tensor Patches(Tensor pixels)
        => pixels
            .unfold(2, _kernel.Height, _stride.Height).unfold(3, _kernel.Width, _stride.Width) // (batch, channels, rows, columns, h, w)
            .permute(0, 2, 3, 1, 4, 5)
            .flatten(0, 2).flatten(1);
}
