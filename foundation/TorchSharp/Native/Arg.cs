using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>An argument or result as the native side sees it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct NativeArg
{
    internal const long Default = 0, None = 1, Tensor = 2, Int = 3, Double = 4, Bool = 5, IntList = 6, DoubleList = 7, BoolList = 8,
        TensorList = 9, OptionalTensorList = 10, Complex = 11, Device = 12, Generator = 13, String = 14;

    [FieldOffset(0)] internal long Kind;
    [FieldOffset(8)] internal long Count;
    [FieldOffset(16)] internal long I;
    [FieldOffset(16)] internal double D;
    [FieldOffset(16)] internal nint P;
}

/// <summary>One argument of an operator, made by implicit conversion from what C# code has at hand. default: the schema's default.</summary>
internal readonly ref struct Arg
{
    private readonly long kind;
    private readonly long bits;
    private readonly ReadOnlySpan<long> longs;
    /// <summary>What must stay alive until the native call is over.</summary>
    internal readonly object? Keep;

    private Arg(long kind, long bits, object? keep = null)
    {
        this.kind = kind;
        this.bits = bits;
        Keep = keep;
    }

    private Arg(long kind, ReadOnlySpan<long> longs)
    {
        this.kind = kind;
        this.longs = longs;
    }

    internal bool IsDefault => kind == NativeArg.Default;
    internal static Arg None => new(NativeArg.None, 0);

    public static implicit operator Arg(torch.Tensor? t) => t is null ? None : new(NativeArg.Tensor, t.Handle, t);
    public static implicit operator Arg(long v) => new(NativeArg.Int, v);
    public static implicit operator Arg(int v) => new(NativeArg.Int, v);
    public static implicit operator Arg(double v) => new(NativeArg.Double, BitConverter.DoubleToInt64Bits(v));
    public static implicit operator Arg(bool v) => new(NativeArg.Bool, v ? 1 : 0);
    public static implicit operator Arg(long? v) => v is { } x ? x : None;
    public static implicit operator Arg(int? v) => v is { } x ? x : None;
    public static implicit operator Arg(double? v) => v is { } x ? x : None;
    public static implicit operator Arg(bool? v) => v is { } x ? x : None;
    public static implicit operator Arg(torch.ScalarType v) => new(NativeArg.Int, (long)v);
    public static implicit operator Arg(torch.ScalarType? v) => v is { } x ? x : None;
    public static implicit operator Arg(long[]? v) => v is null ? None : new(NativeArg.IntList, v);
    public static implicit operator Arg(ReadOnlySpan<long> v) => new(NativeArg.IntList, v);
    public static implicit operator Arg(double[]? v) => v is null ? None : new(NativeArg.DoubleList, MemoryMarshal.Cast<double, long>(v));
    public static implicit operator Arg(torch.Device? v) => v is null ? None : new(NativeArg.Device, v.Packed);
    public static implicit operator Arg(torch.Generator? v) => v is null ? None : new(NativeArg.Generator, v.Handle, v);
    public static implicit operator Arg(string? v) => v is null ? None : new(NativeArg.String, 0, v);
    public static implicit operator Arg(torch.Tensor?[]? v) => v is null ? None : new(NativeArg.TensorList, 0, v);
    public static implicit operator Arg(Scalar? v) => v is null ? None : v.IsComplex ? new(NativeArg.Complex, 0, v) : new(v.Kind, v.Bits);

    /// <summary>For indices: entries may be null.</summary>
    internal static Arg Optional(torch.Tensor?[] v) => new(NativeArg.OptionalTensorList, 0, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal unsafe void Write(NativeArg* to, ref Scratch scratch)
    {
        to->Kind = kind;
        to->I = bits;
        if (kind is >= NativeArg.IntList and <= NativeArg.Complex or NativeArg.String) WriteList(to, ref scratch);
    }

    private unsafe void WriteList(NativeArg* to, ref Scratch scratch)
    {
        switch (kind)
        {
            case NativeArg.IntList or NativeArg.DoubleList:
                to->Count = longs.Length;
                to->P = scratch.Copy(longs);
                break;
            case NativeArg.TensorList or NativeArg.OptionalTensorList:
                var tensors = (torch.Tensor?[])Keep!;
                var handles = (nint*)scratch.Take(tensors.Length);
                for (int k = 0; k < tensors.Length; k++)
                {
                    if (tensors[k] is null && kind == NativeArg.TensorList) throw new ArgumentNullException($"tensors[{k}]");
                    handles[k] = tensors[k] is { } t ? t.Handle : 0;
                }
                to->Count = tensors.Length;
                to->P = (nint)handles;
                break;
            case NativeArg.Complex:
                var scalar = (Scalar)Keep!;
                to->Count = 2;
                var parts = scratch.Take(2);
                parts[0] = scalar.Bits;
                parts[1] = scalar.ImaginaryBits;
                to->P = (nint)parts;
                break;
            default:
                var text = (string)Keep!;
                int bytes = System.Text.Encoding.UTF8.GetByteCount(text);
                var p = scratch.Take(bytes / 8 + 1);
                to->Count = System.Text.Encoding.UTF8.GetBytes(text, new Span<byte>(p, bytes));
                to->P = (nint)p;
                break;
        }
    }
}

/// <summary>Room for list arguments: on the caller's stack, or in native memory where that is too small.</summary>
internal unsafe ref struct Scratch(long* stack, int room)
{
    internal const int Longs = 48;
    private long* next = stack;
    private int left = room;
    private List<nint>? borrowed;

    internal long* Take(int longs)
    {
        if (longs <= left)
        {
            var p = next;
            next += longs;
            left -= longs;
            return p;
        }
        var memory = (long*)NativeMemory.Alloc((nuint)longs, sizeof(long));
        (borrowed ??= []).Add((nint)memory);
        return memory;
    }

    internal nint Copy(ReadOnlySpan<long> values)
    {
        var p = Take(values.Length);
        values.CopyTo(new Span<long>(p, values.Length));
        return (nint)p;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Free()
    {
        if (borrowed is not null) GiveBack();
    }

    private readonly void GiveBack()
    {
        foreach (var p in borrowed!) NativeMemory.Free((void*)p);
    }
}
