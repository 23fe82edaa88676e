using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Qwen3: LLaMA with a norm of each head's query and key.</summary>
/// <remarks>Source: Yang et al. 2025, arXiv:2505.09388.</remarks>
[Architecture("qwen3")]
public sealed class Qwen3 : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Qwen3(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm
        {
            HeadNorms = true,
            HeadSize = 128,
            QueryKeyValueBias = config.Flag("attention_bias", false),
            OutputBias = config.Flag("attention_bias", false),
            Window = SlidingWindow.ByBlock(config),
        })
    {
    }
}
