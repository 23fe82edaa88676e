using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A part of a layer whose update is a product of two factors, <c>s·B·A</c> up to the layer's shape.</summary>
internal interface ILowRankPart
{
    /// <summary>A (r, n), B (m, r) and s, as matrices.</summary>
    (Tensor A, Tensor B, double Scale) Factors { get; }

    /// <summary>A part of the same layer with other factors, which are taken over, and s = 1.</summary>
    LayerAdapter With(Tensor a, Tensor b);
}
