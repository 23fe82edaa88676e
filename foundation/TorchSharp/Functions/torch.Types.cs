namespace TorchSharp;

// Element types under their names in Python, and questions about them.
public static partial class torch
{
    public static ScalarType @bool = ScalarType.Bool;
    public static ScalarType uint8 = ScalarType.Byte;
    public static ScalarType int8 = ScalarType.Int8;
    public static ScalarType int16 = ScalarType.Int16;
    public static ScalarType @short = ScalarType.Int16;
    public static ScalarType int32 = ScalarType.Int32;
    public static ScalarType @int = ScalarType.Int32;
    public static ScalarType int64 = ScalarType.Int64;
    public static ScalarType @long = ScalarType.Int64;
    public static ScalarType float16 = ScalarType.Float16;
    public static ScalarType half = ScalarType.Float16;
    public static ScalarType bfloat16 = ScalarType.BFloat16;
    public static ScalarType float32 = ScalarType.Float32;
    public static ScalarType @float = ScalarType.Float32;
    public static ScalarType float64 = ScalarType.Float64;
    public static ScalarType @double = ScalarType.Float64;
    public static ScalarType complex64 = ScalarType.ComplexFloat32;
    public static ScalarType cfloat = ScalarType.ComplexFloat32;
    public static ScalarType complex128 = ScalarType.ComplexFloat64;
    public static ScalarType cdouble = ScalarType.ComplexFloat64;
    public static ScalarType qint8 = ScalarType.QInt8;
    public static ScalarType quint8 = ScalarType.QUInt8;
    public static ScalarType qint32 = ScalarType.QInt32;

    private static ScalarType defaultType = ScalarType.Float32;
    public static ScalarType get_default_dtype() => defaultType;

    public static void set_default_dtype(ScalarType dtype)
    {
        if (!is_floating_point(dtype)) throw new ArgumentException($"{dtype} is no floating-point type.", nameof(dtype));
        defaultType = dtype;
    }

    public static void set_default_tensor_type(Tensor t) => set_default_dtype(t.dtype);

    public static bool is_integral(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;
    public static bool is_floating_point(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;
    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;
    public static bool is_quantized(ScalarType type) => type is ScalarType.QInt8 or ScalarType.QUInt8 or ScalarType.QInt32;
    public static bool is_integral(Tensor t) => t.is_integral();
    public static bool is_floating_point(Tensor input) => input.is_floating_point();
    public static bool is_complex(Tensor input) => input.is_complex();
    public static bool is_tensor(object obj) => obj is Tensor;
    public static long numel(Tensor input) => input.numel();

    public static long max_int_value(ScalarType type) => type switch
    {
        ScalarType.Byte => byte.MaxValue,
        ScalarType.Int8 => sbyte.MaxValue,
        ScalarType.Int16 => short.MaxValue,
        ScalarType.Int32 => int.MaxValue,
        ScalarType.Int64 => long.MaxValue,
        _ => throw new ArgumentException($"{type} is no integer type.", nameof(type)),
    };

    public static ScalarType promote_types(ScalarType type1, ScalarType type2) => (ScalarType)Ops.promote_types.Call(type1, type2).Long;
    public static ScalarType result_type(Tensor tensor1, Tensor tensor2) => (ScalarType)Ops.result_type_Tensor.Call(tensor1, tensor2).Long;
    public static bool can_cast(ScalarType from, ScalarType to) => Ops.can_cast.Call(from, to).Bool;

    /// <summary>Limits of a floating-point type.</summary>
    public struct FInfo
    {
        public int bits;
        public double eps;
        public double max;
        public double min;
        public double tiny;
        public double smallest_normal;
        public double resolution;
    }

    public static FInfo finfo() => finfo(defaultType);

    public static FInfo finfo(ScalarType dtype)
    {
        var (bits, eps, max, tiny, resolution) = dtype switch
        {
            ScalarType.Float16 => (16, Math.Pow(2, -10), 65504, Math.Pow(2, -14), 1e-3),
            ScalarType.BFloat16 => (16, Math.Pow(2, -7), BFloat16.MaxValue.ToSingle(), Math.Pow(2, -126), 1e-2),
            ScalarType.Float32 or ScalarType.ComplexFloat32 => (32, Math.Pow(2, -23), float.MaxValue, Math.Pow(2, -126), 1e-6),
            ScalarType.Float64 or ScalarType.ComplexFloat64 => (64, Math.Pow(2, -52), double.MaxValue, Math.Pow(2, -1022), 1e-15),
            _ => throw new ArgumentException($"{dtype} is no floating-point type.", nameof(dtype)),
        };
        return new FInfo { bits = bits, eps = eps, max = max, min = -max, tiny = tiny, smallest_normal = tiny, resolution = resolution };
    }

    public static string __version__ => System.Runtime.InteropServices.Marshal.PtrToStringUTF8(Native.peft_torch_version()) ?? "";
    public static int get_num_threads() => Native.peft_threads();
    public static void set_num_threads(int num) => Native.Check(Native.peft_set_threads(num));
    public static int get_num_interop_threads() => Native.peft_interop_threads();
    public static void set_num_interop_threads(int num) => Native.Check(Native.peft_set_interop_threads(num));

    public static DisposeScope NewDisposeScope() => DisposeScopeManager.OfThread.Open();
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.OfThread.Current;

    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }
}
