namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor atleast_1d() => Ops.atleast_1d.T(this);
        public Tensor atleast_2d() => Ops.atleast_2d.T(this);
        public Tensor atleast_3d() => Ops.atleast_3d.T(this);
        public Tensor rot90(long k = 1L, (long, long)? dims = null) => Ops.rot90.T(this, k, dims is { } d ? new[] { d.Item1, d.Item2 } : [0, 1]);
        public Tensor[] hsplit(long size) => Ops.hsplit_int.Call(this, size).List;
        public Tensor[] hsplit(params long[] sizes) => Ops.hsplit_array.Call(this, sizes).List;
        public Tensor[] vsplit(long size) => Ops.vsplit_int.Call(this, size).List;
        public Tensor[] vsplit(params long[] sizes) => Ops.vsplit_array.Call(this, sizes).List;
        public Tensor[] dsplit(long size) => Ops.dsplit_int.Call(this, size).List;
        public Tensor[] dsplit(params long[] sizes) => Ops.dsplit_array.Call(this, sizes).List;
        public Tensor dequantize() => Ops.dequantize.T(this);
        public Tensor int_repr() => Ops.int_repr.T(this);
        public double q_scale() => Ops.q_scale.Call(this).Double;
        public long q_zero_point() => Ops.q_zero_point.Call(this).Long;
        public Tensor q_per_channel_scales() => Ops.q_per_channel_scales.T(this);
        public Tensor q_per_channel_zero_points() => Ops.q_per_channel_zero_points.T(this);
        public long q_per_channel_axis() => Ops.q_per_channel_axis.Call(this).Long;

        public Tensor stft(long n_fft, long hop_length = -1L, long win_length = -1L, Tensor? window = null, bool center = true, PaddingModes pad_mode = PaddingModes.Reflect, bool normalized = false,
            bool? onesided = null, bool? return_complex = null)
        {
            using var scope = NewDisposeScope();
            var x = this;
            if (center)
            {
                // The frames are centred: half a frame is added on both sides.
                long extra = n_fft / 2;
                var wide = x.dim() == 1 ? x.view(1, 1, -1) : x.unsqueeze(1);
                var padded = nn.functional.pad(wide, new[] { extra, extra }, pad_mode);
                x = dim() == 1 ? padded.view(-1) : padded.squeeze(1);
            }
            return Ops.stft.T(x, n_fft, hop_length < 0 ? Arg.None : hop_length, win_length < 0 ? Arg.None : win_length, window, normalized, onesided, return_complex).MoveToOuterDisposeScope();
        }

        public Tensor new_empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_empty([size], dtype, device, requires_grad);
        public Tensor new_empty(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_empty([rows, columns], dtype, device, requires_grad);
        public Tensor new_zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_zeros([size], dtype, device, requires_grad);
        public Tensor new_zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_zeros([rows, columns], dtype, device, requires_grad);
        public Tensor new_ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Ones([rows, columns], dtype ?? this.dtype, device ?? this.device, requires_grad, null);

        public object tolist()
        {
            static object Nest(Array values, long[] shape, int dim, ref long at)
            {
                if (dim == shape.Length) return values.GetValue(at++)!;
                var list = new List<object>();
                for (long k = 0; k < shape[dim]; k++) list.Add(Nest(values, shape, dim + 1, ref at));
                return list;
            }
            using var plain = cpu();
            Array values = dtype switch
            {
                ScalarType.Float32 => plain.data<float>().ToArray(),
                ScalarType.Float64 => plain.data<double>().ToArray(),
                ScalarType.Int64 => plain.data<long>().ToArray(),
                ScalarType.Int32 => plain.data<int>().ToArray(),
                ScalarType.Int16 => plain.data<short>().ToArray(),
                ScalarType.Int8 => plain.data<sbyte>().ToArray(),
                ScalarType.Byte => plain.data<byte>().ToArray(),
                ScalarType.Bool => plain.data<bool>().ToArray(),
                ScalarType.Float16 => plain.data<Half>().ToArray(),
                ScalarType.BFloat16 => plain.data<BFloat16>().ToArray(),
                _ => throw new NotSupportedException($"tolist does not take elements of type {dtype}."),
            };
            long at = 0;
            return Nest(values, shape, 0, ref at);
        }

        public override string ToString() => IsInvalid ? "[disposed]" : $"[{string.Join("x", shape)}], type = {dtype}, device = {device}";
    }

    public static Tensor[] hsplit(Tensor input, long indices_or_sections) => input.hsplit(indices_or_sections);
    public static Tensor[] hsplit(Tensor input, long[] indices_or_sections) => input.hsplit(indices_or_sections);
    public static Tensor[] vsplit(Tensor input, long[] indices_or_sections) => input.vsplit(indices_or_sections);
    public static Tensor[] dsplit(Tensor input, long size) => input.dsplit(size);
    public static Tensor[] dsplit(Tensor input, long[] indices_or_sections) => input.dsplit(indices_or_sections);
    public static Tensor rot90(Tensor input, long k = 1L, (long, long)? dims = null) => input.rot90(k, dims);
    public static Tensor dequantize(Tensor input) => input.dequantize();
    public static Tensor quantize_per_tensor(Tensor input, double scale, long zero_point, ScalarType dtype) => Ops.quantize_per_tensor.T(input, scale, zero_point, dtype);
    public static Tensor quantize_per_channel(Tensor input, Tensor scales, Tensor zero_points, long axis, ScalarType dtype) => Ops.quantize_per_channel.T(input, scales, zero_points, axis, dtype);
    public static Tensor stft(Tensor input, long n_fft, long hop_length = -1L, long win_length = -1L, Tensor? window = null, bool center = true, PaddingModes pad_mode = PaddingModes.Reflect, bool normalized = false,
        bool? onesided = null, bool? return_complex = null) => input.stft(n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided, return_complex);
    public static (Tensor P, Tensor L, Tensor U) lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data = true, bool unpack_pivots = true) => Ops.lu_unpack.Call(LU_data, LU_pivots, unpack_data, unpack_pivots).T3;
    public static (Tensor res, Tensor logabsdet) slogdet(Tensor A) => Ops.slogdet.Call(A).T2;

    public static (Tensor A_LU, Tensor? pivots, Tensor? infos) lu(Tensor A, bool pivot = true, bool get_infos = false)
    {
        var (lu, pivots, infos) = Ops._lu_with_info.Call(A, pivot, !get_infos).T3;
        if (get_infos) return (lu, pivots, infos);
        infos.Dispose();
        return (lu, pivots, null);
    }

    public static double rand_float(Generator? generator = null)
    {
        using var t = rand(1, ScalarType.Float64, generator: generator);
        return t.item<double>();
    }

    public static double randn_float(Generator? generator = null)
    {
        using var t = randn(1, ScalarType.Float64, generator: generator);
        return t.item<double>();
    }

    public static long randint_long(long low, long high, Generator? generator = null)
    {
        using var t = randint(low, high, [1L], generator: generator);
        return t.item<long>();
    }

    public static long randint_long(long high, Generator? generator = null) => randint_long(0, high, generator);
    public static int randint_int(int low, int high, Generator? generator = null) => (int)randint_long(low, high, generator);
    public static int randint_int(int high, Generator? generator = null) => (int)randint_long(0, high, generator);
    public static bool randint_bool(Generator? generator = null) => randint_long(0, 2, generator) == 1;
}
