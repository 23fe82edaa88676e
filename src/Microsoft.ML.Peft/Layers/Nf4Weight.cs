using Microsoft.ML.Peft.Quantization;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A weight kept in <see cref="Nf4"/>: half a byte a number, and 4 bytes a block of 64. It is rebuilt at each use.</summary>
public sealed class Nf4Weight : BaseWeight
{
    private readonly ScalarType _type;
    private Nf4Numbers _numbers;

    internal Nf4Weight(Tensor weight)
    {
        (Rows, Columns, _type) = (weight.size(0), weight.size(1), weight.dtype);
        _numbers = Of(weight);
    }

    /// <inheritdoc/>
    public override long Rows { get; }

    /// <inheritdoc/>
    public override long Columns { get; }

    /// <inheritdoc/>
    public override bool IsQuantized => true;

    internal override Tensor Stored => _numbers.Codes;

    /// <summary>The weight (out, in) in the type that it had before, a new tensor each time.</summary>
    public override Tensor Dense()
    {
        var dense = _numbers.Dequantize();
        if (dense.dtype == _type)
        {
            return dense;
        }

        using var whole = dense;
        return whole.to(_type);
    }

    /// <inheritdoc/>
    public override Tensor Multiply(Tensor x, Tensor? bias)
    {
        var y = RebuiltProduct.apply(x, this);
        return bias is null ? y : y + bias;
    }

    /// <summary>Quantises other numbers. Those of <see cref="Dense"/> come back to the last bit: the largest of a block keeps its place and value.</summary>
    public override void Replace(Tensor dense)
    {
        ArgumentNullException.ThrowIfNull(dense);
        var before = _numbers;
        _numbers = Of(dense);
        before.Dispose();
    }

    /// <inheritdoc/>
    public override void Dispose() => _numbers.Dispose();

    private static Nf4Numbers Of(Tensor weight)
    {
        var numbers = Nf4.Quantize(weight);
        numbers.Codes.DetachFromDisposeScope();
        numbers.Scales.DetachFromDisposeScope();
        return numbers;
    }
}
