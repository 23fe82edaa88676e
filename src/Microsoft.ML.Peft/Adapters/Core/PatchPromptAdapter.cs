using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Trained vectors between the special tokens and the patches of a vision transformer.</summary>
public abstract class PatchPromptAdapter : ModelAdapter
{
    /// <summary>Makes the part; <paramref name="length"/> is the count of vectors.</summary>
    protected PatchPromptAdapter(string name, long length)
        : base(name) => Length = length;

    /// <summary>Count of vectors.</summary>
    public long Length { get; }

    /// <summary>The vectors (<see cref="Length"/>, hidden) before a block, or null where those of the block before go on.</summary>
    /// <param name="block">The block, from 0; before the first there are always vectors.</param>
    /// <param name="context">What comes with the forward pass.</param>
    protected internal abstract Tensor? Vectors(int block, ForwardContext context);

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter) => FileName(parameter);
}
