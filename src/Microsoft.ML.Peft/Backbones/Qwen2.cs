using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Qwen2 and Qwen2.5: LLaMA with biases on query, key and value.</summary>
/// <remarks>Source: Yang et al. 2024, arXiv:2407.10671.</remarks>
[Architecture("qwen2")]
public sealed class Qwen2 : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Qwen2(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm { QueryKeyValueBias = true, Window = SlidingWindow.ByBlock(config) })
    {
    }
}
