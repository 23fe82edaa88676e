using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>RoBERTa, XLM-RoBERTa and CamemBERT: BERT's encoder whose positions count from behind the padding id.</summary>
/// <remarks>
/// <para>Position of a token: padding id + its number among the row's tokens other than padding, from 1; padding itself has the padding id.</para>
/// <para>Source: Liu et al. 2019, arXiv:1907.11692; Conneau et al. 2019, arXiv:1911.02116.</para>
/// </remarks>
[Architecture("roberta", TakesPrunedHeads = true)]
[Architecture("xlm-roberta", TakesPrunedHeads = true)]
[Architecture("camembert", TakesPrunedHeads = true)]
public sealed class Roberta : BertLike
{
    private readonly int _padding;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Roberta(ModelConfig config, WeightSource source)
        : base(config, source, "roberta.")
    {
        _padding = config.Int("pad_token_id", 0, VocabularySize - 1, 1);
        if (Positions.Rows <= _padding + 1)
        {
            throw config.Wrong("max_position_embeddings", $"more than {_padding + 1}, because the first positions belong to the padding id");
        }
    }

    /// <inheritdoc/>
    public override int MaxLength => base.MaxLength - _padding - 1;

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken => new("classifier.dense", "tanh", "classifier.out_proj", ClassifierDropout, ClassifierDropout);

    /// <inheritdoc/>
    public override MaskedTokenForm MaskedToken
        => new("lm_head.dense", "gelu", "lm_head.layer_norm", Eps, EmbeddingSize, "lm_head.decoder", "lm_head.bias");

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
        ["lm_head.", "roberta.embeddings.position_ids", "embeddings.position_ids", "roberta.pooler.", "pooler.", "classifier.", "qa_outputs."];

    private protected override Tensor PositionOf(TokenBatch batch, long first, ForwardContext context)
    {
        if (context.PromptLength > 0)
        {
            return Positions.Weight.narrow(0, _padding + 1, batch.Length); // Hugging Face's model then sees no ids, and so no padding
        }

        var token = batch.Ids.ne(_padding).to(ScalarType.Int64).view(batch.Rows, batch.Length);
        var position = token.cumsum(1).add(first).mul(token).add(_padding);
        return Positions.Forward(position.view(-1), context).view(batch.Rows, batch.Length, -1);
    }
}
