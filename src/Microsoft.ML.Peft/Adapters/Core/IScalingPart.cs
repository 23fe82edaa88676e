using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A part of a layer that multiplies its outputs or its inputs, one trained factor each.</summary>
internal interface IScalingPart
{
    /// <summary>True where the factors are those of the inputs.</summary>
    bool ScalesInput { get; }

    /// <summary>The factors, in the shape of the file.</summary>
    Tensor Factors { get; }

    /// <summary>A part of the same layer with other factors, which are taken over.</summary>
    LayerAdapter With(Tensor factors);
}
