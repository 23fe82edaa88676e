using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>What a block has at hand at a <see cref="BlockPoint"/> besides the hidden states there; each (tokens, hidden).</summary>
/// <param name="Residual">The stream that the part's output is added to, or null after a norm.</param>
/// <param name="Input">What the part (attention or feed-forward) was given, or null after a norm.</param>
/// <param name="Norm">The norm that follows the sum, in a block that normalizes after each part; null in others.</param>
public readonly record struct BlockState(Tensor? Residual = null, Tensor? Input = null, Func<Tensor, Tensor>? Norm = null)
{
    internal BlockState Map(Func<Tensor, Tensor> rows)
        => new(Residual is null ? null : rows(Residual), Input is null ? null : rows(Input), Norm);
}
