using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A frozen weight of the caller's own that <see cref="AdapterSet.ForWeights"/> puts an adapter on.</summary>
/// <param name="Path">Its name in files, for example <c>block.0.query</c>.</param>
/// <param name="Weight">(out, in).</param>
/// <param name="Bias">(out), or null.</param>
public sealed record LinearWeight(string Path, Tensor Weight, Tensor? Bias = null)
{
    /// <summary>True to quantise the weight to 4 bits (<see cref="Nf4Weight"/>): the layer computes with what is left of it. Default false.</summary>
    public bool IsQuantized { get; init; }

    internal LinearLayer ToLayer(int index)
    {
        if (Weight.dim() != 2 || (Bias is not null && (Bias.dim() != 1 || Bias.size(0) != Weight.size(0))))
        {
            throw new ArgumentException(
                $"'{Path}' has a weight of shape ({string.Join(", ", Weight.shape)}) and {(Bias is null ? "no bias" : $"a bias of shape ({string.Join(", ", Bias.shape)})")}; the weight must be (out, in) and the bias (out).");
        }

        return new LinearLayer(Path, index, IsQuantized ? new Nf4Weight(Weight) : new DenseWeight(Weight), Bias);
    }
}
