using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Wav2Vec2: a transformer over raw speech, pre-trained by telling masked frames from others.</summary>
/// <remarks>Source: Baevski et al. 2020, arXiv:2006.11477.</remarks>
[Architecture("wav2vec2")]
public sealed class Wav2Vec2 : SpeechEncoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Wav2Vec2(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <inheritdoc/>
    public override string Root => "wav2vec2.";
}
