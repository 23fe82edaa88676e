using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A convolution over time: (batch, in, time) gives (batch, out, (time + 2·padding − kernel)/stride + 1).</summary>
/// <remarks>A weight-normalized convolution is <c>w = g·v/‖v‖</c> with one norm for each position of the kernel; it is computed once
/// and the checkpoint's g and v are kept for writing.</remarks>
public sealed class Conv1dLayer : Layer
{
    private readonly Tensor _weight; // (out, in/groups, kernel)
    private readonly Tensor? _bias;  // (out)
    private readonly IReadOnlyList<(string Name, Tensor Tensor)> _stored;
    private readonly ConvShape _shape;

    internal Conv1dLayer(string path, int index, Tensor weight, Tensor? bias, ConvShape shape)
        : this(path, index, weight, bias, shape, [("weight", weight)])
    {
    }

    internal Conv1dLayer(
        string path, int index, Tensor weight, Tensor? bias, ConvShape shape, IReadOnlyList<(string Name, Tensor Tensor)> stored)
        : base(path, index)
    {
        (_weight, _bias, _shape) = (weight, bias, shape);
        _stored = bias is null ? stored : [.. stored, ("bias", bias)];
    }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => _weight;

    /// <inheritdoc/>
    public override Tensor? FrozenBias => _bias;

    /// <summary>Channels of the input that each channel of the output sees are those of one of so many groups.</summary>
    public long Groups => _shape.Groups;

    /// <summary>x (batch, in, time) gives (batch, out, <see cref="OutLength"/>).</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        if (context.Divides(this))
        {
            return context.ByRows(x, Forward);
        }

        // Samples and spectrograms come in Float32. A convolution in groups stays there on a processor: libtorch's own in BFloat16 give
        // wrong numbers on some of them (libtorch 2.11 with 8 channels a group).
        var widens = Groups > 1 && _weight.dtype == ScalarType.BFloat16 && _weight.device_type == DeviceType.CPU;
        x = x.to(widens ? ScalarType.Float32 : _weight.dtype);
        return context.Convolved(this, x, (input, weight, bias)
            => nn.functional.conv1d(input, weight.to(x.dtype), bias?.to(x.dtype), _shape.Stride, _shape.Padding, groups: Groups)).to(_weight.dtype);
    }

    /// <summary>Length of the output for a length of the input.</summary>
    public long OutLength(long length) => length + (2 * _shape.Padding) < _shape.Kernel
        ? 0
        : ((length + (2 * _shape.Padding) - _shape.Kernel) / _shape.Stride) + 1;

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => _stored;
}

/// <summary>How a convolution moves over its input.</summary>
internal readonly record struct ConvShape(long Kernel, long Stride = 1, long Padding = 0, long Groups = 1);
