using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What convolutions have in common: their weights and how they slide.</summary>
public abstract class Convolution : nn.Module<Tensor, Tensor>
{
    protected Parameter _weight;
    protected Parameter? _bias;
    protected long[] _reversed_padding_repeated_twice = [];

    protected Convolution(string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[] padding, Padding? padding_type, long[] dilation, bool transposed, long[] output_padding,
        long groups, bool bias, PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null) : base(name)
    {
        if (groups <= 0) throw new ArgumentOutOfRangeException(nameof(groups), groups, "groups must be a positive number");
        if (in_channels % groups != 0) throw new ArgumentException($"in_channels ({in_channels}) must be divisible by groups ({groups})", nameof(in_channels));
        if (out_channels % groups != 0) throw new ArgumentException($"out_channels ({out_channels}) must be divisible by groups ({groups})", nameof(out_channels));
        if (padding_type == TorchSharp.Padding.Same && stride.Any(s => s != 1)) throw new ArgumentException("padding='same' is not supported for strided convolutions", nameof(padding_type));
        this.in_channels = in_channels;
        this.out_channels = out_channels;
        this.kernel_size = kernel_size;
        this.stride = stride;
        this.dilation = dilation;
        this.transposed = transposed;
        this.output_padding = output_padding;
        this.groups = groups;
        this.padding_mode = padding_mode;
        this.padding = padding;
        this.padding_type = padding_type;
        if (padding_type is { } type) SetPadding(type);
        else SetPadding(padding);
        long[] shape = transposed ? [in_channels, out_channels / groups, .. kernel_size] : [out_channels, in_channels / groups, .. kernel_size];
        weight = Linear.Own(empty(shape, dtype, device));
        if (bias) this.bias = Linear.Own(empty(out_channels, dtype, device));
        reset_parameters();
    }

    public long in_channels { get; }
    public long out_channels { get; }
    public long[] kernel_size { get; set; }
    public long[] stride { get; set; }
    public long[] padding { get; private set; }
    public Padding? padding_type { get; private set; }
    public long[] dilation { get; set; }
    public bool transposed { get; }
    public long[] output_padding { get; set; }
    public long groups { get; set; }
    public PaddingModes padding_mode { get; set; }

    public void SetPadding(long[] padding)
    {
        this.padding = padding;
        padding_type = null;
        _reversed_padding_repeated_twice = [.. padding.Reverse().SelectMany(p => new[] { p, p })];
    }

    public void SetPadding(Padding padding)
    {
        padding_type = padding;
        this.padding = new long[kernel_size.Length];
        var twice = new long[2 * kernel_size.Length];
        if (padding == TorchSharp.Padding.Same)
            for (int d = 0, k = kernel_size.Length - 1; k >= 0; d++, k--)
            {
                long total = dilation[d] * (kernel_size[d] - 1);
                twice[2 * k] = total / 2;
                twice[2 * k + 1] = total - total / 2;
            }
        _reversed_padding_repeated_twice = twice;
    }

    public Parameter weight
    {
        get => _weight;
        [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_weight))]
        set
        {
            if (value is null) throw new ArgumentNullException(nameof(weight));
            if (!ReferenceEquals(value, _weight)) _weight?.Dispose();
            value.DetachFromDisposeScope();
            _weight = value;
            ConditionallyRegisterParameter("weight", _weight);
        }
    }

    public Parameter? bias
    {
        get => _bias;
        set
        {
            if (!ReferenceEquals(value, _bias)) _bias?.Dispose();
            value?.DetachFromDisposeScope();
            _bias = value;
            ConditionallyRegisterParameter("bias", _bias);
        }
    }

    public void reset_parameters()
    {
        nn.init.kaiming_uniform_(_weight, Math.Sqrt(5)).Dispose();
        if (_bias is null) return;
        var (fanIn, _) = nn.init.CalculateFanInAndFanOut(_weight);
        if (fanIn == 0) return;
        double bound = 1 / Math.Sqrt(fanIn);
        nn.init.uniform_(_bias, -bound, bound).Dispose();
    }

    protected bool ValidateShape(Tensor input, long dimensions) =>
        input.dim() == dimensions + 2 && input.size(1) == in_channels || input.dim() == dimensions + 1 && input.size(0) == in_channels;

    // Modes other than zeros pad first and then convolve without padding.
    private protected Tensor Convolve(Op op, Op named, Tensor input)
    {
        int dimensions = kernel_size.Length;
        if (!ValidateShape(input, dimensions))
            throw new ArgumentException($"Expected a tensor of {dimensions + 1} or {dimensions + 2} dimensions with {in_channels} channels, got the shape [{string.Join(", ", input.shape)}].");
        if (padding_mode is not (PaddingModes.Zeros or PaddingModes.Constant))
        {
            using var padded = nn.functional.pad(input, _reversed_padding_repeated_twice, padding_mode);
            return op.T(padded, _weight, _bias, stride, new long[dimensions], dilation, groups);
        }
        return padding_type is { } type
            ? named.T(input, _weight, _bias, stride, type == TorchSharp.Padding.Same ? "same" : "valid", dilation, groups)
            : op.T(input, _weight, _bias, stride, padding, dilation, groups);
    }
}

public sealed class Conv1d : Convolution
{
    internal Conv1d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
        : base(nameof(Conv1d), i, o, k, s, p, t, d, false, [0], g, b, m, device, dtype) { }
    public override Tensor forward(Tensor input) => Convolve(Ops.conv1d, Ops.conv1d_padding, input);
}

public sealed class Conv2d : Convolution
{
    internal Conv2d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
        : base(nameof(Conv2d), i, o, k, s, p, t, d, false, [0, 0], g, b, m, device, dtype) { }
    public override Tensor forward(Tensor input) => Convolve(Ops.conv2d, Ops.conv2d_padding, input);
}

public sealed class Conv3d : Convolution
{
    internal Conv3d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
        : base(nameof(Conv3d), i, o, k, s, p, t, d, false, [0, 0, 0], g, b, m, device, dtype) { }
    public override Tensor forward(Tensor input) => Convolve(Ops.conv3d, Ops.conv3d_padding, input);
}

/// <summary>What transposed convolutions have in common.</summary>
public abstract class ConvolutionTranspose : Convolution
{
    protected ConvolutionTranspose(string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[] padding, Padding? padding_type, long[] dilation, bool transposed, long[] output_padding,
        long groups, bool bias, PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null)
        : base(name, in_channels, out_channels, kernel_size, stride, padding, padding_type, dilation, transposed, output_padding, groups, bias, padding_mode, device, dtype)
    {
        if (padding_mode != PaddingModes.Zeros) throw new ArgumentException("Only \"zeros\" padding mode is supported for transposed convolutions", nameof(padding_mode));
    }

    public override Tensor forward(Tensor input) => forward(input, null!);
    public abstract Tensor forward(Tensor input, long[] output_size);

    protected long[] _output_padding(Tensor input, long[]? output_size, long[] kernel_size, long[] stride, long[] padding, long[] dilation, long num_spatial_dims)
    {
        if (output_size is null) return output_padding;
        int first = (int)(input.dim() - num_spatial_dims);
        if (output_size.Length == input.dim()) output_size = output_size[first..];
        if (output_size.Length != num_spatial_dims) throw new ArgumentException($"output_size must have {num_spatial_dims} or {num_spatial_dims + first} elements, it has {output_size.Length}.", nameof(output_size));
        var extra = new long[num_spatial_dims];
        for (int d = 0; d < extra.Length; d++)
        {
            long least = (input.size(d + first) - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel_size[d] - 1) + 1;
            extra[d] = output_size[d] - least;
            if (extra[d] < 0 || extra[d] >= stride[d]) throw new ArgumentException($"The output size {output_size[d]} of dimension {d} must be in {least}..{least + stride[d] - 1}.", nameof(output_size));
        }
        return extra;
    }

    private protected Tensor Transposed(Op op, Tensor input, long[]? output_size) =>
        op.T(input, _weight, _bias, stride, padding, _output_padding(input, output_size, kernel_size, stride, padding, dilation, kernel_size.Length), groups, dilation);
}

public sealed class ConvTranspose1d : ConvolutionTranspose
{
    internal ConvTranspose1d(long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
        : base(nameof(ConvTranspose1d), i, o, k, s, p, null, d, true, q, g, b, m, device, dtype) { }
    public override Tensor forward(Tensor input, long[]? output_size) => Transposed(Ops.conv_transpose1d, input, output_size);
}

public sealed class ConvTranspose2d : ConvolutionTranspose
{
    internal ConvTranspose2d(long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
        : base(nameof(ConvTranspose2d), i, o, k, s, p, null, d, true, q, g, b, m, device, dtype) { }
    public override Tensor forward(Tensor input, long[]? output_size) => Transposed(Ops.conv_transpose2d, input, output_size);
}
