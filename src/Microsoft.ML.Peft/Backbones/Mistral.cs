using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Mistral: LLaMA in which each token sees a window of the last tokens.</summary>
/// <remarks>Source: Jiang et al. 2023, arXiv:2310.06825.</remarks>
[Architecture("mistral")]
public sealed class Mistral : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Mistral(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm { Window = SlidingWindow.OfAll(config) })
    {
    }
}
