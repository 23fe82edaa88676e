using System.Numerics;

namespace TorchSharp;

/// <summary>A number of one of the kinds that operators tell apart: integer, real, boolean, complex.</summary>
public sealed class Scalar : IDisposable
{
    internal readonly long Kind;
    /// <summary>The value as an integer, or the bits of its (real part's) double.</summary>
    internal readonly long Bits;
    internal readonly long ImaginaryBits;

    private Scalar(long kind, long bits, long imaginary = 0)
    {
        Kind = kind;
        Bits = bits;
        ImaginaryBits = imaginary;
    }

    public torch.ScalarType Type => Kind switch
    {
        NativeArg.Int => torch.ScalarType.Int64,
        NativeArg.Double => torch.ScalarType.Float64,
        NativeArg.Bool => torch.ScalarType.Bool,
        _ => torch.ScalarType.ComplexFloat64,
    };

    internal bool IsComplex => Kind == NativeArg.Complex;
    internal double Real => Kind is NativeArg.Double or NativeArg.Complex ? BitConverter.Int64BitsToDouble(Bits) : Bits;
    internal double Imaginary => BitConverter.Int64BitsToDouble(ImaginaryBits);
    internal long Integer => Kind is NativeArg.Double or NativeArg.Complex ? (long)Real : Bits;

    private static Scalar Of(double v) => new(NativeArg.Double, BitConverter.DoubleToInt64Bits(v));
    private static Scalar Of(long v) => new(NativeArg.Int, v);

    public static implicit operator Scalar(byte value) => Of((long)value);
    public static implicit operator Scalar(sbyte value) => Of((long)value);
    public static implicit operator Scalar(short value) => Of((long)value);
    public static implicit operator Scalar(int value) => Of((long)value);
    public static implicit operator Scalar(long value) => Of(value);
    public static implicit operator Scalar(Half value) => Of((double)value);
    public static implicit operator Scalar(BFloat16 value) => Of((double)value);
    public static implicit operator Scalar(float value) => Of((double)value);
    public static implicit operator Scalar(double value) => Of(value);
    public static implicit operator Scalar(bool value) => new(NativeArg.Bool, value ? 1 : 0);
    public static implicit operator Scalar((float, float) value) => new Complex(value.Item1, value.Item2);
    public static implicit operator Scalar(Complex value) =>
        new(NativeArg.Complex, BitConverter.DoubleToInt64Bits(value.Real), BitConverter.DoubleToInt64Bits(value.Imaginary));

    /// <summary>Nothing to free: the value lives in the object.</summary>
    public void Dispose() { }
}
