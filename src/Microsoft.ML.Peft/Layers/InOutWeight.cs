using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A weight whose matrix is stored as (in, out), as GPT-2's Conv1D layers have it.</summary>
public sealed class InOutWeight : BaseWeight
{
    private readonly Tensor _weight; // (in, out)

    internal InOutWeight(Tensor weight)
    {
        _weight = weight;
        (Columns, Rows) = (weight.size(0), weight.size(1));
    }

    /// <inheritdoc/>
    public override long Rows { get; }

    /// <inheritdoc/>
    public override long Columns { get; }

    internal override Tensor Stored => _weight;

    /// <inheritdoc/>
    public override Tensor Dense() => _weight.t();

    /// <inheritdoc/>
    public override Tensor Multiply(Tensor x, Tensor? bias) => nn.functional.linear(x, _weight.t(), bias);

    /// <inheritdoc/>
    public override void Replace(Tensor dense)
    {
        using var _ = no_grad();
        _weight.copy_(dense.t());
    }

    /// <inheritdoc/>
    public override void Dispose() => _weight.Dispose();
}
