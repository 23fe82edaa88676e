using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>LoRA+: the groups of the optimizer, by what a parameter is.</summary>
/// <remarks>
/// <para>Factors of embeddings have a learning rate of their own; B and everything of one dimension the ratio times that of the run, biases and
/// norms without decay; A and all else that of the run.</para>
/// <para>Source: Hayou, Ghosh and Yu 2024, arXiv:2402.12354; the groups of HF PEFT.</para>
/// </remarks>
internal static class LoraPlus
{
    /// <summary>The group of a parameter.</summary>
    /// <param name="options">The settings; LoRA+ acts where the ratio is not 1.</param>
    /// <param name="part">The part that has it.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="parameter">The parameter.</param>
    public static OptimizerGroup Of(AdapterOptions? options, Adapter part, string name, Parameter parameter)
        => options is not LoraOptions { LoraPlusRatio: not 1 } plus ? part.GroupOf(name)
            : part is LoraEmbedding or DoraEmbedding ? part.GroupOf(name) with { LearningRate = plus.LoraPlusEmbeddingRate }
            : name != "lora_B" && parameter.dim() > 1 ? part.GroupOf(name)
            : part.GroupOf(name) with { LearningRateFactor = plus.LoraPlusRatio, Decays = !(name == "bias" || part is LayerAdapter { Target: LayerNormLayer or RmsNormLayer or GroupNormLayer }) };
}
