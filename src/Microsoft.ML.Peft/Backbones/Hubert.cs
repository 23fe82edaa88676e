using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>HuBERT: Wav2Vec2's network, pre-trained by guessing the cluster of masked frames.</summary>
/// <remarks>Source: Hsu et al. 2021, arXiv:2106.07447.</remarks>
[Architecture("hubert")]
public sealed class Hubert : SpeechEncoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Hubert(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <inheritdoc/>
    public override string Root => "hubert.";
}
