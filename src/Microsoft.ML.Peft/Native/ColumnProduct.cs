using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Native;

/// <summary>A linear layer some of whose columns are trained, as one node of libtorch's: its backward pass needs no managed code.</summary>
internal static unsafe class ColumnProduct
{
    private static readonly Lazy<bool> s_available = new(() => Bridge.Has("peft_column_linear"));

    /// <summary>True where the library is there and has it.</summary>
    public static bool IsAvailable => s_available.Value;

    /// <summary><c>x·Wᵀ + b</c>.</summary>
    /// <param name="x">(…, in).</param>
    /// <param name="columns">P (out, r), whose gradient is <c>s·Gᵀ·x[…, I]</c>.</param>
    /// <param name="weight">(out, in), with s·P in the columns I.</param>
    /// <param name="indices">I (r).</param>
    /// <param name="scale">s.</param>
    /// <param name="bias">(out), or null.</param>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refuses.</exception>
    public static Tensor Call(Tensor x, Tensor columns, Tensor weight, Tensor indices, double scale, Tensor? bias)
    {
        nint result;
        Bridge.Check(Bridge.peft_column_linear(x.Handle, columns.Handle, weight.Handle, indices.Handle, scale, bias?.Handle ?? 0, &result));
        GC.KeepAlive(x);
        GC.KeepAlive(columns);
        GC.KeepAlive(weight);
        GC.KeepAlive(indices);
        GC.KeepAlive(bias);
        return Tensor.UnsafeCreateTensor(result);
    }
}
