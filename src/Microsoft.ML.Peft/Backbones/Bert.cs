using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>BERT: a bidirectional transformer encoder with post-norm blocks.</summary>
/// <remarks>
/// <para>h₀ = LN(word + position + type); per block: h ← LN(h + Attention(h)), h ← LN(h + W₂·act(W₁·h)).</para>
/// <para>Source: Devlin et al. 2018, arXiv:1810.04805.</para>
/// </remarks>
[Architecture("bert", TakesPrunedHeads = true)]
public sealed class Bert : BertLike
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Bert(ModelConfig config, WeightSource source)
        : base(config, source, "bert.")
    {
    }

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken => new("bert.pooler.dense", "tanh", "classifier", 0, ClassifierDropout);

    /// <inheritdoc/>
    public override MaskedTokenForm MaskedToken => new(
        "cls.predictions.transform.dense", Config.Text("hidden_act", "gelu"), "cls.predictions.transform.LayerNorm", Eps, EmbeddingSize,
        "cls.predictions.decoder", "cls.predictions.bias");

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors
        => ["cls.", "bert.embeddings.position_ids", "embeddings.position_ids", "bert.pooler.", "pooler.", "classifier.", "qa_outputs."];
}
