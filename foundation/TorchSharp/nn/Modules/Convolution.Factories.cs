using TorchSharp.Modules;
using static TorchSharp.torch.nn.functional;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        private static readonly long[] nowhere1 = [0], nowhere2 = [0, 0], nowhere3 = [0, 0, 0];
        private static long[] Twice(long v) => [v, v];
        private static long[] Thrice(long v) => [v, v, v];

        public static Conv1d Conv1d(long in_channels, long out_channels, long kernel_size, long stride = 1L, long padding = 0L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, [kernel_size], [stride], [padding], null, [dilation], padding_mode, groups, bias, device, dtype);

        public static Conv1d Conv1d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, [kernel_size], [stride], nowhere1, padding, [dilation], padding_mode, groups, bias, device, dtype);

        public static Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, long stride = 1L, long padding = 0L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, Twice(kernel_size), Twice(stride), Twice(padding), null, Twice(dilation), padding_mode, groups, bias, device, dtype);

        public static Conv2d Conv2d(long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, (long, long)? dilation = null,
            PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, List(kernel_size), List(stride ?? (1, 1)), List(padding ?? (0, 0)), null, List(dilation ?? (1, 1)), padding_mode, groups, bias, device, dtype);

        public static Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, Twice(kernel_size), Twice(stride), nowhere2, padding, Twice(dilation), padding_mode, groups, bias, device, dtype);

        public static Conv2d Conv2d(long in_channels, long out_channels, (long, long) kernel_size, Padding padding, (long, long)? stride = null, (long, long)? dilation = null,
            PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, List(kernel_size), List(stride ?? (1, 1)), nowhere2, padding, List(dilation ?? (1, 1)), padding_mode, groups, bias, device, dtype);

        public static Conv3d Conv3d(long in_channels, long out_channels, long kernel_size, long stride = 1L, long padding = 0L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, Thrice(kernel_size), Thrice(stride), Thrice(padding), null, Thrice(dilation), padding_mode, groups, bias, device, dtype);

        public static Conv3d Conv3d(long in_channels, long out_channels, (long, long, long) kernel_size, (long, long, long)? stride = null, (long, long, long)? padding = null, (long, long, long)? dilation = null,
            PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, List(kernel_size), List(stride ?? (1, 1, 1)), List(padding ?? (0, 0, 0)), null, List(dilation ?? (1, 1, 1)), padding_mode, groups, bias, device, dtype);

        public static Conv3d Conv3d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1L, long dilation = 1L, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L,
            bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, Thrice(kernel_size), Thrice(stride), nowhere3, padding, Thrice(dilation), padding_mode, groups, bias, device, dtype);

        public static ConvTranspose1d ConvTranspose1d(long in_channels, long out_channels, long kernel_size, long stride = 1L, long padding = 0L, long output_padding = 0L, long dilation = 1L,
            PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, [kernel_size], [stride], [padding], [output_padding], [dilation], padding_mode, groups, bias, device, dtype);

        public static ConvTranspose2d ConvTranspose2d(long in_channels, long out_channels, long kernel_size, long stride = 1L, long padding = 0L, long output_padding = 0L, long dilation = 1L,
            PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, Twice(kernel_size), Twice(stride), Twice(padding), Twice(output_padding), Twice(dilation), padding_mode, groups, bias, device, dtype);

        public static ConvTranspose2d ConvTranspose2d(long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, (long, long)? output_padding = null,
            (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1L, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, List(kernel_size), List(stride ?? (1, 1)), List(padding ?? (0, 0)), List(output_padding ?? (0, 0)), List(dilation ?? (1, 1)), padding_mode, groups, bias, device, dtype);
    }
}
