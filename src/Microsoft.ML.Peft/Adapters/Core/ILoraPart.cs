using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A part of LoRA on a linear layer, whose start can be computed anew.</summary>
internal interface ILoraPart
{
    /// <summary>Path of the layer.</summary>
    string Path { get; }

    /// <summary>The layer.</summary>
    LinearLayer Layer { get; }

    /// <summary>The factors.</summary>
    LoraFactors Factors { get; }
}
