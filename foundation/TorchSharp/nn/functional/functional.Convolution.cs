namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            private static long[] One(long? v, long otherwise) => [v ?? otherwise];
            internal static long[] List((long, long) t) => [t.Item1, t.Item2];
            internal static long[] List((long, long, long) t) => [t.Item1, t.Item2, t.Item3];
            internal static long[]? List((long, long)? t) => t is { } v ? List(v) : null;
            internal static long[]? List((long, long, long)? t) => t is { } v ? List(v) : null;
            private static string Word(Padding padding) => padding == Padding.Same ? "same" : "valid";
            private static Arg Or(long[]? list, long otherwise) => list ?? [otherwise];

            public static Tensor conv1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null, long groups = 1L) =>
                Ops.conv1d.T(input, weight, bias, One(stride, 1), One(padding, 0), One(dilation, 1), groups);
            public static Tensor conv1d_padding(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, Padding padding = Padding.Valid, long? dilation = null, long groups = 1L) =>
                Ops.conv1d_padding.T(input, weight, bias, One(stride, 1), Word(padding), One(dilation, 1), groups);
            public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1L) =>
                Ops.conv2d.T(input, weight, bias, Or(strides, 1), Or(padding, 0), Or(dilation, 1), groups);
            public static Tensor conv2d_padding(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid, long[]? dilation = null, long groups = 1L) =>
                Ops.conv2d_padding.T(input, weight, bias, Or(strides, 1), Word(padding), Or(dilation, 1), groups);
            public static Tensor conv3d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1L) =>
                Ops.conv3d.T(input, weight, bias, Or(strides, 1), Or(padding, 0), Or(dilation, 1), groups);
            public static Tensor conv3d_padding(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid, long[]? dilation = null, long groups = 1L) =>
                Ops.conv3d_padding.T(input, weight, bias, Or(strides, 1), Word(padding), Or(dilation, 1), groups);
            public static Tensor conv_transpose1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? output_padding = null, long? dilation = null, long groups = 1L) =>
                Ops.conv_transpose1d.T(input, weight, bias, One(stride, 1), One(padding, 0), One(output_padding, 0), groups, One(dilation, 1));
            public static Tensor conv_transpose2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? output_padding = null, long[]? dilation = null, long groups = 1L) =>
                Ops.conv_transpose2d.T(input, weight, bias, Or(strides, 1), Or(padding, 0), Or(output_padding, 0), groups, Or(dilation, 1));
            public static Tensor conv_transpose3d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? output_padding = null, long[]? dilation = null, long groups = 1L) =>
                Ops.conv_transpose3d.T(input, weight, bias, Or(strides, 1), Or(padding, 0), Or(output_padding, 0), groups, Or(dilation, 1));

            public static Tensor unfold(Tensor input, long kernel_size, long dilation = 1L, long padding = 0L, long stride = 1L) =>
                unfold(input, (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
            public static Tensor unfold(Tensor input, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null) =>
                Ops.im2col.T(input, List(kernel_size), List(dilation ?? (1, 1)), List(padding ?? (0, 0)), List(stride ?? (1, 1)));
            public static Tensor fold(Tensor input, long output_size, long kernel_size, long dilation = 1L, long padding = 0L, long stride = 1L) =>
                fold(input, (output_size, output_size), (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));
            public static Tensor fold(Tensor input, (long, long) output_size, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null) =>
                Ops.col2im.T(input, List(output_size), List(kernel_size), List(dilation ?? (1, 1)), List(padding ?? (0, 0)), List(stride ?? (1, 1)));

            private static string Word(PaddingModes mode) => mode switch
            {
                PaddingModes.Zeros or PaddingModes.Constant => "constant",
                PaddingModes.Reflect => "reflect",
                PaddingModes.Replicate => "replicate",
                PaddingModes.Circular => "circular",
                _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "Unknown padding mode."),
            };

            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                Ops.pad.T(input, pad, Word(mode), mode is PaddingModes.Constant or PaddingModes.Zeros ? value : Arg.None);
            public static Tensor pad(Tensor input, ReadOnlySpan<long> pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                Ops.pad.T(input, pad, Word(mode), mode is PaddingModes.Constant or PaddingModes.Zeros ? value : Arg.None);
            public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => functional.pad(input, List(pad), mode, value);
            public static Tensor pad(Tensor input, (long, long, long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, new[] { pad.Item1, pad.Item2, pad.Item3, pad.Item4 }, mode, value);
            public static Tensor pad(Tensor input, long pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                functional.pad(input, Enumerable.Repeat(pad, 2 * (int)Math.Max(1, input.dim() - (input.dim() > 2 ? 2 : 0))).ToArray(), mode, value);

            public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Ops.pixel_shuffle.T(input, upscale_factor);
            public static Tensor pixel_unshuffle(Tensor input, long downscale_factor) => Ops.pixel_unshuffle.T(input, downscale_factor);

            public static Tensor interpolate(Tensor x, long[]? size = null, double[]? scale_factor = null, InterpolationMode mode = InterpolationMode.Nearest, bool? align_corners = null, bool recompute_scale_factor = false, bool antialias = false)
            {
                int spatial = (int)x.dim() - 2;
                if (size is null == (scale_factor is null)) throw new ArgumentException("Exactly one of size and scale_factor must be given.");
                if (antialias && !(mode is InterpolationMode.Bilinear or InterpolationMode.Bicubic && spatial == 2))
                    throw new ArgumentException("antialias is only there for bilinear and bicubic interpolation of images.", nameof(antialias));
                if (align_corners is not null && mode is (InterpolationMode.Nearest or InterpolationMode.NearestExact or InterpolationMode.Area))
                    throw new ArgumentException("align_corners only works with linear, bilinear, bicubic and trilinear interpolation.", nameof(align_corners));
                if (scale_factor is { Length: 1 } && spatial > 1) scale_factor = [.. Enumerable.Repeat(scale_factor[0], spatial)];
                if (size is { Length: 1 } && spatial > 1) size = [.. Enumerable.Repeat(size[0], spatial)];
                var shape = x.shape;
                if (scale_factor is not null && (recompute_scale_factor || mode == InterpolationMode.Area))
                {
                    size = [.. scale_factor.Select((s, k) => (long)Math.Floor(shape[k + 2] * s))];
                    scale_factor = null;
                }
                bool align = align_corners ?? false;
                return (mode, spatial) switch
                {
                    (InterpolationMode.Nearest, 1) => Ops.upsample_nearest1d_vec.T(x, size, scale_factor),
                    (InterpolationMode.Nearest, 2) => Ops.upsample_nearest2d_vec.T(x, size, scale_factor),
                    (InterpolationMode.Nearest, 3) => Ops.upsample_nearest3d_vec.T(x, size, scale_factor),
                    (InterpolationMode.NearestExact, 1) => Ops.upsample_nearest_exact1d_vec.T(x, size, scale_factor),
                    (InterpolationMode.NearestExact, 2) => Ops.upsample_nearest_exact2d_vec.T(x, size, scale_factor),
                    (InterpolationMode.NearestExact, 3) => Ops.upsample_nearest_exact3d_vec.T(x, size, scale_factor),
                    (InterpolationMode.Area, 1) => Ops.adaptive_avg_pool1d.T(x, size),
                    (InterpolationMode.Area, 2) => Ops.adaptive_avg_pool2d.T(x, size),
                    (InterpolationMode.Area, 3) => Ops.adaptive_avg_pool3d.T(x, size),
                    (InterpolationMode.Linear, 1) => Ops.upsample_linear1d_vec.T(x, size, align, scale_factor),
                    (InterpolationMode.Bilinear, 2) => (antialias ? Ops.upsample_bilinear2d_aa_vec : Ops.upsample_bilinear2d_vec).T(x, size, align, scale_factor),
                    (InterpolationMode.Bicubic, 2) => (antialias ? Ops.upsample_bicubic2d_aa_vec : Ops.upsample_bicubic2d_vec).T(x, size, align, scale_factor),
                    (InterpolationMode.Trilinear, 3) => Ops.upsample_trilinear3d_vec.T(x, size, align, scale_factor),
                    _ => throw new ArgumentException($"{mode} interpolation does not go with an input of {spatial + 2} dimensions.", nameof(mode)),
                };
            }

            public static Tensor upsample(Tensor input, long[]? size = null, double[]? scale_factor = null, UpsampleMode mode = UpsampleMode.Nearest, bool align_corners = false) =>
                interpolate(input, size, scale_factor, (InterpolationMode)mode, mode == UpsampleMode.Nearest ? null : align_corners);
            public static Tensor upsample_nearest(Tensor x, long[]? size = null, double[]? scale_factor = null, bool align_corners = false) => interpolate(x, size, scale_factor);
            public static Tensor upsample_bilinear(Tensor x, long[]? size = null, double[]? scale_factor = null, bool align_corners = false) =>
                interpolate(x, size, scale_factor, InterpolationMode.Bilinear, align_corners);

            public static Tensor grid_sample(Tensor input, Tensor grid, GridSampleMode mode = GridSampleMode.Bilinear, GridSamplePaddingMode padding_mode = GridSamplePaddingMode.Zeros, bool? align_corners = null) =>
                Ops.grid_sampler.T(input, grid, mode == GridSampleMode.Nearest ? 1 : 0,
                    padding_mode switch { GridSamplePaddingMode.Border => 1, GridSamplePaddingMode.Reflection => 2, _ => 0 }, align_corners ?? false);
            public static Tensor affine_grid(Tensor theta, long[]? size = null, bool align_corners = false) => Ops.affine_grid_generator.T(theta, size, align_corners);
        }
    }
}
