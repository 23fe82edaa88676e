using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A part of a linear layer whose change of the weight is a product of two thin factors.</summary>
internal interface ILowRankUpdate
{
    /// <summary>A (r, in) and B (out, r) with <c>ΔW = B·A</c>, and what the bias (out) gets more, or null where it gets nothing.</summary>
    (Tensor A, Tensor B, Tensor? Bias) Update();
}
