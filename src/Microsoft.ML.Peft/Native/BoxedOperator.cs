using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Native;

/// <summary>One of libtorch's operators by its name, called through the dispatcher, autograd included.</summary>
internal sealed unsafe class BoxedOperator
{
    private readonly nint _operator;

    /// <summary>Looks the operator up.</summary>
    /// <exception cref="ExternalException">This libtorch has no such operator.</exception>
    public BoxedOperator(string name)
    {
        nint found;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var overload = (byte)0;
            Bridge.Check(Bridge.peft_find_op(text, &overload, &found));
        }

        _operator = found;
    }

    /// <summary>Calls it and gives its one result.</summary>
    /// <param name="arguments">The first arguments of the schema, the others take their defaults.</param>
    /// <exception cref="ExternalException">The call failed, or gives something else than one tensor.</exception>
    public Tensor Call(params ReadOnlySpan<BoxedArgument> arguments)
    {
        var native = stackalloc NativeArgument[arguments.Length];
        var lists = stackalloc long[arguments.Length];
        for (var k = 0; k < arguments.Length; k++)
        {
            native[k] = arguments[k].Write(lists + k);
        }

        NativeArgument result;
        int count;
        Bridge.Check(Bridge.peft_call(_operator, native, arguments.Length, &result, 1, &count));
        foreach (var argument in arguments)
        {
            GC.KeepAlive(argument.Tensor);
        }

        return Tensor.UnsafeCreateTensor((nint)result.Value);
    }
}

/// <summary>An argument of a <see cref="BoxedOperator"/>: a tensor or null, a number, a switch, or a list of one size.</summary>
internal readonly struct BoxedArgument
{
    private readonly long _kind;
    private readonly long _value;

    private BoxedArgument(long kind, long value, Tensor? tensor = null) => (_kind, _value, Tensor) = (kind, value, tensor);

    /// <summary>The tensor, where it is one.</summary>
    public Tensor? Tensor { get; }

    public static implicit operator BoxedArgument(Tensor? tensor)
        => tensor is null ? new(NativeArgument.None, 0) : new(NativeArgument.Tensor, tensor.Handle, tensor);

    public static implicit operator BoxedArgument(double value) => new(NativeArgument.Double, BitConverter.DoubleToInt64Bits(value));

    public static implicit operator BoxedArgument(bool value) => new(NativeArgument.Bool, value ? 1 : 0);

    /// <summary>A list of one size.</summary>
    public static BoxedArgument Size(long size) => new(NativeArgument.IntList, size);

    /// <summary>The record that the bridge reads; a list lies at <paramref name="room"/>.</summary>
    public unsafe NativeArgument Write(long* room)
    {
        if (_kind != NativeArgument.IntList)
        {
            return new(_kind, 0, _value);
        }

        *room = _value;
        return new(_kind, 1, (nint)room);
    }
}

/// <summary>The bridge's record of an argument or result, as foundation/native/src/peft.h has it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Count">Length of a list.</param>
/// <param name="Value">A pointer, a number or the bits of a double.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NativeArgument(long Kind, long Count, long Value)
{
    public const long None = 1;
    public const long Tensor = 2;
    public const long Double = 4;
    public const long Bool = 5;
    public const long IntList = 6;
}
