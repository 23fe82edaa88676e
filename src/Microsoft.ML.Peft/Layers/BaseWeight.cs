using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>How a frozen weight matrix (out, in) is stored; adapters never ask.</summary>
public abstract class BaseWeight : IDisposable
{
    /// <summary>Output features.</summary>
    public abstract long Rows { get; }

    /// <summary>Input features.</summary>
    public abstract long Columns { get; }

    /// <summary>True if the numbers are another layer's, which keeps and saves them.</summary>
    public virtual bool IsBorrowed => false;

    /// <summary>True if the numbers are stored in a smaller form, from which <see cref="Dense"/> makes a new matrix at each call.</summary>
    public virtual bool IsQuantized => false;

    /// <summary>A bias (out) that a merge has given a layer without one; it stands here since the aliases of a layer share the weight.</summary>
    internal Tensor? GivenBias { get; set; }

    /// <summary>The tensor as the checkpoint has it. Default: the dense matrix.</summary>
    internal virtual Tensor Stored => Dense();

    /// <summary>The weight as a dense matrix (out, in) of the compute type; a quantised store rebuilds it at each call.</summary>
    public abstract Tensor Dense();

    /// <summary><c>x·Wᵀ + bias</c>: x (…, in) gives (…, out).</summary>
    public abstract Tensor Multiply(Tensor x, Tensor? bias);

    /// <summary>Puts other numbers in place of the weight.</summary>
    public abstract void Replace(Tensor dense);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A weight kept as the dense matrix itself.</summary>
public sealed class DenseWeight : BaseWeight
{
    private readonly Tensor _weight; // (out, in)

    internal DenseWeight(Tensor weight)
    {
        _weight = weight;
        (Rows, Columns) = (weight.size(0), weight.size(1));
    }

    /// <inheritdoc/>
    public override long Rows { get; }

    /// <inheritdoc/>
    public override long Columns { get; }

    /// <inheritdoc/>
    public override Tensor Dense() => _weight;

    /// <inheritdoc/>
    public override Tensor Multiply(Tensor x, Tensor? bias) => nn.functional.linear(x, _weight, bias);

    /// <inheritdoc/>
    public override void Replace(Tensor dense)
    {
        using var _ = no_grad();
        _weight.copy_(dense);
    }

    /// <inheritdoc/>
    public override void Dispose() => _weight.Dispose();
}
