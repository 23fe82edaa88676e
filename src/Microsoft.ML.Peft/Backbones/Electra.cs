using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>ELECTRA, discriminator or generator: BERT's encoder, with narrower embeddings where the checkpoint has them.</summary>
/// <remarks>Source: Clark et al. 2020, arXiv:2003.10555.</remarks>
[Architecture("electra", TakesPrunedHeads = true)]
public sealed class Electra : BertLike
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Electra(ModelConfig config, WeightSource source)
        : base(config, source, "electra.", config.Int("embedding_size", 1, 1 << 16, 128))
    {
    }

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken => new("classifier.dense", "gelu", "classifier.out_proj", ClassifierDropout, ClassifierDropout);

    /// <inheritdoc/>
    public override MaskedTokenForm MaskedToken => new(
        "generator_predictions.dense", "gelu", "generator_predictions.LayerNorm", Eps, EmbeddingSize, "generator_lm_head", "generator_lm_head.bias");

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "discriminator_predictions.", "generator_predictions.", "generator_lm_head.", "electra.embeddings.position_ids", "embeddings.position_ids",
        "classifier.", "qa_outputs.", "sequence_summary.",
    ];
}
