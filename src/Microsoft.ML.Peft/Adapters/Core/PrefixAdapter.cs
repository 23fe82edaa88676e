using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Trained keys and values in front of those of every block's attention.</summary>
/// <remarks>Positions of the tokens start behind them. Files call its tensors by their bare names, as HF PEFT does.</remarks>
public abstract class PrefixAdapter : ModelAdapter
{
    /// <summary>Makes the part; <paramref name="length"/> is the count of keys before the tokens.</summary>
    protected PrefixAdapter(string name, long length)
        : base(name) => Length = length;

    /// <summary>Count of keys before the tokens.</summary>
    public long Length { get; }

    /// <summary>Keys and values: (<see cref="Length"/>, 2·blocks·width), for each block in turn its key and its value.</summary>
    protected internal abstract Tensor Table(ForwardContext context);

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter) => FileName(parameter);
}
