using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Which managed type holds an element of which dtype.</summary>
internal static class ElementTypes
{
    internal static ScalarType Of(Type type) =>
        type == typeof(float) ? ScalarType.Float32 :
        type == typeof(double) ? ScalarType.Float64 :
        type == typeof(long) ? ScalarType.Int64 :
        type == typeof(int) ? ScalarType.Int32 :
        type == typeof(byte) ? ScalarType.Byte :
        type == typeof(sbyte) ? ScalarType.Int8 :
        type == typeof(short) ? ScalarType.Int16 :
        type == typeof(bool) ? ScalarType.Bool :
        type == typeof(Half) ? ScalarType.Float16 :
        type == typeof(BFloat16) ? ScalarType.BFloat16 :
        type == typeof((float, float)) ? ScalarType.ComplexFloat32 :
        type == typeof(Complex) ? ScalarType.ComplexFloat64 :
        throw new NotSupportedException($"A tensor cannot hold elements of type {type}.");

    internal static void Check<T>(ScalarType dtype) where T : unmanaged
    {
        var wanted = Of(typeof(T));
        bool fits = wanted == dtype
            || dtype == ScalarType.QInt8 && wanted == ScalarType.Int8
            || dtype == ScalarType.QUInt8 && wanted == ScalarType.Byte
            || dtype == ScalarType.QInt32 && wanted == ScalarType.Int32;
        if (!fits) throw new ArgumentException($"The tensor's elements are {dtype}, which does not fit the type {typeof(T).Name}; convert the tensor first.");
    }

    internal static int Size(ScalarType dtype) => dtype switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool or ScalarType.QInt8 or ScalarType.QUInt8 => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 or ScalarType.QInt32 => 4,
        ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => throw new NotSupportedException($"Elements of type {dtype} are not known."),
    };
}
