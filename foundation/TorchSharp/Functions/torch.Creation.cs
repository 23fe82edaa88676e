using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

// Tensors from managed memory, ranges, and tensors like others.
public static unsafe partial class torch
{
    private static Tensor Finish(Tensor t, ScalarType? dtype, Device? device, bool requires_grad)
    {
        var d = device ?? defaultDevice;
        bool move = d is not null && d.type != DeviceType.CPU;
        if (move || dtype is { } type && type != t.dtype)
        {
            var moved = t.to(dtype ?? t.dtype, d ?? CPU);
            t.Dispose();
            t = moved;
        }
        return requires_grad ? t.requires_grad_() : t;
    }

    private static Tensor Copied(void* data, ReadOnlySpan<long> size, ScalarType type)
    {
        nint made;
        int status;
        fixed (long* s = size) status = Native.peft_from_memory(data, s, size.Length, (int)type, &made);
        return Native.Made(status, made);
    }

    private static Tensor OfScalar<T>(T scalar, ScalarType? dtype, Device? device, bool requires_grad) where T : unmanaged
    {
        // A bool is one byte in memory on both sides.
        return Finish(Copied(&scalar, default, ElementTypes<T>.Dtype), dtype, device, requires_grad);
    }

    private static Tensor OfArray<T>(T[] values, ReadOnlySpan<long> size, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        return OfMemory(values.AsMemory(), size, dtype, device, requires_grad, names);
    }

    private static Tensor OfMemory<T>(Memory<T> values, ReadOnlySpan<long> size, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) where T : unmanaged
    {
        NoNames(names);
        Fits(values.Length, size);
        fixed (T* p = values.Span) return Finish(Copied(p, size, ElementTypes<T>.Dtype), dtype, device, requires_grad);
    }

    private static Tensor OfList<T>(IList<T> values, ReadOnlySpan<long> size, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) where T : unmanaged =>
        OfArray(values as T[] ?? [.. values], size, dtype, device, requires_grad, names);

    private static void Fits(long elements, ReadOnlySpan<long> size)
    {
        long n = 1;
        foreach (long s in size) n *= s;
        if (n != elements) throw new ArgumentException($"{elements} elements do not fill a tensor of shape [{string.Join(", ", size.ToArray())}].");
    }

    public static Tensor from_array(Array rawArray, Device? device = null) => from_array(rawArray, null, device);

    public static Tensor from_array(Array rawArray, ScalarType? dtype, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        ArgumentNullException.ThrowIfNull(rawArray);
        NoNames(names);
        var type = ElementTypes.Of(rawArray.GetType().GetElementType()!);
        var size = new long[rawArray.Rank];
        for (int d = 0; d < size.Length; d++) size[d] = rawArray.GetLongLength(d);
        var pin = GCHandle.Alloc(rawArray.Length == 0 ? null : rawArray, GCHandleType.Normal);
        try
        {
            ref byte first = ref MemoryMarshal.GetArrayDataReference(rawArray);
            fixed (byte* p = &first) return Finish(Copied(p, size, type), dtype, device, requires_grad);
        }
        finally
        {
            pin.Free();
        }
    }

    // The tensor lives in the array's memory; the array stays pinned until the last tensor on it is gone.
    public static Tensor frombuffer(Array rawArray, ScalarType dtype, long count = -1L, long offset = 0L, bool requires_grad = false)
    {
        ArgumentNullException.ThrowIfNull(rawArray);
        int width = ElementTypes.Size(dtype);
        int own = ElementTypes.Size(ElementTypes.Of(rawArray.GetType().GetElementType()!));
        long bytes = rawArray.LongLength * own, start = offset * own;
        if (offset < 0 || start > bytes) throw new ArgumentException($"The offset {offset} is not in the array of {rawArray.LongLength} elements.", nameof(offset));
        if (count < 0) count = (bytes - start) / width;
        if (count > (bytes - start) / width) throw new ArgumentException($"{count} elements of {dtype} from {offset} on do not fit the array's {bytes} bytes.", nameof(count));
        // Arrays of tuples and Complex are not blittable to GCHandle: they hold plain numbers all the same.
        var handle = GCHandle.Alloc(rawArray, GCHandleType.Pinned);
        nint made;
        long size = count;
        int status = Native.peft_on_memory((byte*)handle.AddrOfPinnedObject() + start, &size, 1, (int)dtype, &Unpin, (void*)GCHandle.ToIntPtr(handle), &made);
        if (status != 0) handle.Free();
        return Graded(Native.Made(status, made), requires_grad);
    }

    [UnmanagedCallersOnly]
    private static void Unpin(void* context) => GCHandle.FromIntPtr((nint)context).Free();

    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => arange(0, stop, 1, dtype, device, requires_grad);
    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        var type = dtype ?? (is_integral(start.Type) && is_integral(stop.Type) && is_integral(step.Type) ? ScalarType.Int64 : defaultType);
        return Graded(Ops.arange_start_step.T(start, stop, step, type, default, device ?? get_default_device()), requires_grad);
    }

    public static Tensor linspace(double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.linspace.T(start, end, steps, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);

    public static Tensor logspace(double start, double end, long steps, double @base = 10, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.logspace.T(start, end, steps, @base, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);

    public static Tensor eye(long rows, long columns = -1L, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        NoNames(names);
        return Graded(Ops.eye_m.T(rows, columns < 0 ? rows : columns, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    }

    public static Tensor empty_strided(long[] size, long[] strides, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        NoNames(names);
        return Graded(Ops.empty_strided.T(size, strides, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    }

    public static Tensor tril_indices(long row, long col, long offset = 0L, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Ops.tril_indices.T(row, col, offset, dtype, default, device ?? get_default_device());

    public static Tensor triu_indices(long row, long col, long offset = 0L, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Ops.triu_indices.T(row, col, offset, dtype, default, device ?? get_default_device());

    public static Tensor sparse_coo_tensor(Tensor indices, Tensor values, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        NoNames(names);
        return Graded(Ops.sparse_coo_tensor.T(indices, values, size, dtype ?? values.dtype, default, device ?? values.device), requires_grad);
    }

    public static Tensor from_file(string filename, bool? shared = null, long? size = 0L, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        if (!File.Exists(filename)) throw new FileNotFoundException($"There is no file '{filename}'.", filename);
        return Graded(Ops.from_file.T(filename, shared, size, dtype ?? defaultType, default, device ?? CPU), requires_grad);
    }

    public static Tensor hann_window(long len, bool periodic = true, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.hann_window_periodic.T(len, periodic, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    public static Tensor hamming_window(long len, bool periodic = true, float alpha = 0.54f, float beta = 0.46f, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.hamming_window_periodic_alpha_beta.T(len, periodic, alpha, beta, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    public static Tensor bartlett_window(long len, bool periodic = true, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.bartlett_window_periodic.T(len, periodic, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    public static Tensor blackman_window(long len, bool periodic = true, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.blackman_window_periodic.T(len, periodic, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    public static Tensor kaiser_window(long len, bool periodic = true, float beta = 12f, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Graded(Ops.kaiser_window_beta.T(len, periodic, beta, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);

    // ---- random ----

    public static Tensor randperm(long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Graded(Ops.randperm_generator.T(n, generator, dtype ?? ScalarType.Int64, default, device ?? get_default_device()), requires_grad);

    public static Tensor randperm(long n, Tensor @out, Generator? generator = null)
    {
        Ops.randperm_generator_out.Call(n, generator, @out).T.Dispose();
        return @out;
    }

    public static Tensor randint(long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null)
    {
        NoNames(names);
        return Graded(Ops.randint_low_generator.T(low, high, size, generator, dtype ?? ScalarType.Int64, default, device ?? get_default_device()), requires_grad);
    }

    public static Tensor randint(long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0, high, size, dtype, device, requires_grad, generator, names);
    public static Tensor randint(long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0, high, size.Shape, dtype, device, requires_grad, generator, names);
    public static Tensor randint(long low, long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(low, high, size.Shape, dtype, device, requires_grad, generator, names);
    public static Tensor randint(int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0, (long)high, Array.ConvertAll(size, s => (long)s), dtype, device, requires_grad, generator, names);
    public static Tensor randint(int low, int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint((long)low, high, Array.ConvertAll(size, s => (long)s), dtype, device, requires_grad, generator, names);

    public static Tensor normal(double mean, double std, ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null)
    {
        NoNames(names);
        return Graded(Ops.normal_float_float.T(mean, std, size, generator, dtype ?? defaultType, default, device ?? get_default_device()), requires_grad);
    }

    public static Tensor normal(Tensor mean, Tensor std, Generator? generator = null) => Ops.normal_Tensor_Tensor.T(mean, std, generator);

    // ---- like another tensor ----

    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.zeros_like(dtype, device, requires_grad);
    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.ones_like(dtype, device, requires_grad);
    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.empty_like(dtype, device, requires_grad);
    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.full_like(value, dtype, device, requires_grad);
    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => input.rand_like(dtype, device, requires_grad);
    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => input.randn_like(dtype, device, requires_grad);
    public static Tensor randint_like(Tensor input, long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => input.randint_like(low, high, dtype, device, requires_grad);

    public partial class Tensor
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Arg Or(ScalarType? dtype) => dtype is { } d ? d : default(Arg);
        private static Arg Or(Device? device) => device is null ? default : device;

        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.zeros_like.T(this, Or(dtype), default, Or(device)), requires_grad);
        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.ones_like.T(this, Or(dtype), default, Or(device)), requires_grad);
        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.empty_like.T(this, Or(dtype), default, Or(device)), requires_grad);
        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.full_like.T(this, value, Or(dtype), default, Or(device)), requires_grad);
        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.rand_like.T(this, Or(dtype), default, Or(device)), requires_grad);
        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Graded(Ops.randn_like.T(this, Or(dtype), default, Or(device)), requires_grad);
        public Tensor randint_like(long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Graded(Ops.randint_like_low_dtype.T(this, low, high, Or(dtype), default, Or(device)), requires_grad);

        public Tensor new_empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Empty(size, dtype ?? this.dtype, device ?? this.device, requires_grad, null);
        public Tensor new_zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Zeros(size, dtype ?? this.dtype, device ?? this.device, requires_grad, null);
        public Tensor new_ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Ones([size], dtype ?? this.dtype, device ?? this.device, requires_grad, null);
        public Tensor new_full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Full(size, value, dtype ?? this.dtype, device ?? this.device, requires_grad, null);
    }
}
