using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>The table of an embedding (ids, dim) used once more as a weight (out, in): an output layer that shares it.</summary>
public sealed class TiedWeight : BaseWeight
{
    private readonly EmbeddingLayer _table;

    internal TiedWeight(EmbeddingLayer table)
    {
        _table = table;
        Columns = table.Weight.size(1);
    }

    /// <summary>The embedding whose table it is.</summary>
    internal EmbeddingLayer Table => _table;

    /// <inheritdoc/>
    public override long Rows => _table.Rows;

    /// <inheritdoc/>
    public override long Columns { get; }

    /// <inheritdoc/>
    public override bool IsBorrowed => true;

    /// <inheritdoc/>
    public override Tensor Dense() => _table.Weight;

    /// <inheritdoc/>
    public override Tensor Multiply(Tensor x, Tensor? bias) => nn.functional.linear(x, _table.Weight, bias);

    /// <summary>Refused: the embedding would change with it.</summary>
    /// <exception cref="PeftException">Always.</exception>
    public override void Replace(Tensor dense) => throw new PeftException(
        $"An adapter cannot be merged into an output layer that shares its weight with '{_table.Path}': the embedding would change too. "
        + "Leave that layer out of target_modules, or keep the adapter unmerged.");

    /// <summary>Nothing: the table belongs to its layer.</summary>
    public override void Dispose()
    {
    }
}
