using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Trained keys and values in front of those of every block's attention.</summary>
/// <remarks>Positions of the tokens start behind them, unless it is told otherwise. Files call its tensors by their bare names, as HF PEFT does.</remarks>
public abstract class PrefixAdapter : ModelAdapter
{
    /// <summary>Makes the part; <paramref name="length"/> is the count of keys before the tokens.</summary>
    protected PrefixAdapter(string name, long length)
        : base(name) => Length = length;

    /// <summary>Count of keys before the tokens.</summary>
    public long Length { get; }

    /// <summary>False for positions of the tokens that start at 0 all the same. Default true.</summary>
    protected internal virtual bool ShiftsPositions => true;

    /// <summary>Keys and values: (<see cref="Length"/>, 2·blocks·width), for each block in turn its key and its value.</summary>
    protected internal abstract Tensor Table(ForwardContext context);

    /// <summary>Takes over keys and values, such as those that a model computes of a text (<c>PrefixOfTokens</c>).</summary>
    /// <param name="table">Of the shape of <see cref="Table"/>.</param>
    /// <exception cref="ArgumentException">The shape is another one.</exception>
    /// <exception cref="PeftException">The keys and values are made by a network, which they do not determine.</exception>
    public abstract void StartFrom(Tensor table);

    /// <summary>Refuses a table of another shape.</summary>
    private protected void Check(Tensor table, long columns)
    {
        if (table.dim() != 2 || table.size(0) != Length || table.size(1) != columns)
        {
            throw new ArgumentException($"The table has the shape ({string.Join(", ", table.shape)}); it must be ({Length}, {columns}).", nameof(table));
        }
    }

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter) => FileName(parameter);
}
