using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>LLaMA 1 to 3.x.</summary>
/// <remarks>Sources: Touvron et al. 2023, arXiv:2302.13971 and arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783.</remarks>
[Architecture("llama")]
public sealed class Llama : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Llama(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm
        {
            QueryKeyValueBias = config.Flag("attention_bias", false),
            OutputBias = config.Flag("attention_bias", false),
            FeedForwardBias = config.Flag("mlp_bias", false),
        })
    {
    }
}
