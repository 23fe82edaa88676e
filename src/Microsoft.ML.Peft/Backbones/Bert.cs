using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>BERT: a bidirectional transformer encoder with post-norm blocks.</summary>
/// <remarks>
/// <para>h₀ = LN(word + position + type); per block: h ← LN(h + Attention(h)), h ← LN(h + W₂·act(W₁·h)).</para>
/// <para>Source: Devlin et al. 2018, arXiv:1810.04805.</para>
/// </remarks>
[Architecture("bert")]
public sealed class Bert : TextEncoder
{
    private readonly EmbeddingLayer _words;
    private readonly EmbeddingLayer _positions;
    private readonly EmbeddingLayer _types;
    private readonly LayerNormLayer _norm;
    private readonly Block[] _blocks;
    private readonly int _heads;
    private readonly double _dropout;

    internal Bert(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("hidden_size", 1, 1 << 16);
        _heads = config.Int("num_attention_heads", 1, 1 << 10);
        MaxLength = config.Int("max_position_embeddings", 1, 1 << 20);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0.1);
        if (HiddenSize % _heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        if (config.Text("position_embedding_type", "absolute") != "absolute")
        {
            throw config.Wrong("position_embedding_type", "\"absolute\", the only kind that is supported");
        }

        var eps = config.Number("layer_norm_eps", 0, 1, 1e-12);
        source.Root(Root);
        _words = source.Embedding("bert.embeddings.word_embeddings", VocabularySize, HiddenSize);
        _positions = source.Embedding("bert.embeddings.position_embeddings", MaxLength, HiddenSize);
        _types = source.Embedding("bert.embeddings.token_type_embeddings", config.Int("type_vocab_size", 1, 1 << 10, 2), HiddenSize);
        _norm = source.LayerNorm("bert.embeddings.LayerNorm", HiddenSize, eps);
        _blocks = new Block[config.Int("num_hidden_layers", 1, 1 << 12)];
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new Block(config, source, k, HiddenSize, eps);
        }
    }

    /// <inheritdoc/>
    public override string Root => "bert.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int MaxLength { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["query", "value"];

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken
        => new("bert.pooler.dense", "tanh", "classifier", 0, Config.Number("classifier_dropout", 0, 0.99, _dropout));

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors
        => ["cls.", "bert.embeddings.position_ids", "embeddings.position_ids", "bert.pooler.", "pooler.", "classifier.", "qa_outputs."];

    /// <inheritdoc/>
    public override Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false)
    {
        var (rows, length) = (batch.Rows, batch.Length);
        var position = _positions.Weight.narrow(0, 0, length);
        var embedded = batch.TypeIds is null
            ? _words.Forward(batch.Ids).view(rows, length, -1) + (position + _types.Weight.narrow(0, 0, 1)) // every token is of type 0
            : (_words.Forward(batch.Ids) + _types.Forward(batch.TypeIds)).view(rows, length, -1) + position;
        var hidden = context.Dropout(_norm.Forward(embedded), _dropout).view(rows * length, -1);
        var mask = batch.Mask is null ? null : Attention.PaddingMask(batch.Mask, rows, length, _heads);
        for (var k = 0; k < _blocks.Length; k++)
        {
            var queries = firstTokenOnly && k == _blocks.Length - 1 ? 1 : length;
            hidden = _blocks[k].Forward(
                hidden, new AttentionShape(rows, queries, length, _heads, HiddenSize / _heads), mask, context);
        }

        return hidden;
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly LinearLayer _query;
        private readonly LinearLayer _key;
        private readonly LinearLayer _value;
        private readonly LinearLayer _output;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly LayerNormLayer _norm2;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _dropout;
        private readonly double _attentionDropout;

        public Block(ModelConfig config, WeightSource source, int index, int hidden, double eps)
        {
            var path = $"bert.encoder.layer.{index}";
            var inner = config.Int("intermediate_size", 1, 1 << 20);
            _index = index;
            _query = source.Linear($"{path}.attention.self.query", hidden, hidden);
            _key = source.Linear($"{path}.attention.self.key", hidden, hidden);
            _value = source.Linear($"{path}.attention.self.value", hidden, hidden);
            _output = source.Linear($"{path}.attention.output.dense", hidden, hidden);
            _norm1 = source.LayerNorm($"{path}.attention.output.LayerNorm", hidden, eps);
            _up = source.Linear($"{path}.intermediate.dense", hidden, inner);
            _down = source.Linear($"{path}.output.dense", inner, hidden);
            _norm2 = source.LayerNorm($"{path}.output.LayerNorm", hidden, eps);
            _activation = Activation.Named(config.Text("hidden_act", "gelu"));
            _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0.1);
            _attentionDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0.1);
        }

        public Tensor Forward(Tensor hidden, AttentionShape shape, Tensor? mask, ForwardContext context)
        {
            var asked = shape.Queries == shape.Keys
                ? hidden
                : hidden.view(shape.Batch, shape.Keys, -1).select(1, 0).contiguous(); // the first token of each row
            var attended = Attention.Forward(
                _query.Forward(asked, context), _key.Forward(hidden, context), _value.Forward(hidden, context), shape, mask, _attentionDropout, context);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            attended = context.At(BlockPoint.AfterAttention, _index, attended);
            hidden = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(asked + attended));

            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(hidden, context)), context), _dropout);
            fed = context.At(BlockPoint.AfterFeedForward, _index, fed);
            return context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden + fed));
        }
    }
}
