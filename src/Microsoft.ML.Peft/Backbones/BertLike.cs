using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>What BERT, RoBERTa and ELECTRA share: h₀ = LN(word + position + type), then post-norm blocks.</summary>
public abstract class BertLike : TextEncoder
{
    private readonly EmbeddingLayer _types;
    private readonly LayerNormLayer _norm;
    private readonly LinearLayer? _project;
    private readonly PostNormBlock[] _blocks;
    private readonly int _heads;

    private protected BertLike(ModelConfig config, WeightSource source, string root, int? embeddingSize = null)
        : base(config, source)
    {
        Root = root;
        HiddenSize = config.Int("hidden_size", 1, 1 << 16);
        EmbeddingSize = embeddingSize ?? HiddenSize;
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        HiddenDropout = config.Number("hidden_dropout_prob", 0, 0.99, 0.1);
        Eps = config.Number("layer_norm_eps", 0, 1, 1e-12);
        _heads = config.Int("num_attention_heads", 1, 1 << 10);
        if (HiddenSize % _heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        if (config.Text("position_embedding_type", "absolute") != "absolute")
        {
            throw config.Wrong("position_embedding_type", "\"absolute\", the only kind that is supported");
        }

        if (config.Flag("is_decoder", false))
        {
            throw config.Wrong("is_decoder", "false: such a model is supported as an encoder only");
        }

        var path = root.TrimEnd('.');
        source.Root(root);
        Words = source.Embedding($"{path}.embeddings.word_embeddings", VocabularySize, EmbeddingSize);
        Positions = source.Embedding($"{path}.embeddings.position_embeddings", config.Int("max_position_embeddings", 1, 1 << 20), EmbeddingSize);
        _types = source.Embedding($"{path}.embeddings.token_type_embeddings", config.Int("type_vocab_size", 1, 1 << 10, 2), EmbeddingSize);
        _norm = source.LayerNorm($"{path}.embeddings.LayerNorm", EmbeddingSize, Eps);
        _project = EmbeddingSize == HiddenSize ? null : source.Linear($"{path}.embeddings_project", EmbeddingSize, HiddenSize);
        var shape = new PostNormShape(HiddenSize, config.Int("intermediate_size", 1, 1 << 20), Eps, config.Text("hidden_act", "gelu"))
        {
            Heads = _heads,
            WeightDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0.1),
            AttentionDropout = HiddenDropout,
            OutputDropout = HiddenDropout,
        };
        _blocks = new PostNormBlock[config.Int("num_hidden_layers", 1, 1 << 12)];
        var pruned = PrunedHeads.Of(config, _blocks.Length, _heads);
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new PostNormBlock(
                source, k, PostNormPaths.Bert($"{path}.encoder.layer.{k}"), shape with { Heads = pruned.LeftIn(k), HeadSize = shape.HeadSize });
        }
    }

    /// <inheritdoc/>
    public override string Root { get; }

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <summary>Width of the embeddings; where it is not the hidden width, a linear layer goes between.</summary>
    public int EmbeddingSize { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override int MaxLength => (int)Positions.Rows;

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override PromptShape Prompts => new(EmbeddingSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["query", "value"];

    /// <inheritdoc/>
    public override double TokenDropout => ClassifierDropout;

    private protected EmbeddingLayer Positions { get; }

    private protected double HiddenDropout { get; }

    private protected double Eps { get; }

    private protected double ClassifierDropout => Config.Number("classifier_dropout", 0, 0.99, HiddenDropout);

    /// <inheritdoc/>
    public override Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false)
    {
        batch = WithPrompts(batch, context);
        var prefix = context.Prefix();
        var (rows, length) = (batch.Rows, batch.Length);
        var position = PositionOf(batch, prefix?.Length ?? 0, context);
        var embedded = batch.TypeIds is null
            ? context.Embed(Words, batch).view(rows, length, -1) + (position + _types.Weight.narrow(0, 0, 1)) // every token is of type 0
            : (context.Embed(Words, batch) + _types.Forward(batch.TypeIds, context)).view(rows, length, -1) + position;
        var hidden = context.Dropout(_norm.Forward(embedded, context), HiddenDropout).view(rows * length, -1);
        hidden = _project is null ? hidden : _project.Forward(hidden, context);
        var mask = MaskOf(batch, prefix) is { } present ? Attention.PaddingMask(present, rows, length + (prefix?.Length ?? 0), _heads) : null;
        var whole = !firstTokenOnly || context.ReadsEveryToken;
        for (var k = 0; k < _blocks.Length; k++)
        {
            var queries = !whole && k == _blocks.Length - 1 ? 1 : length;
            hidden = _blocks[k].Forward(hidden, new AttentionShape(rows, queries, length, _heads, HiddenSize / _heads), mask, context, prefix: prefix);
        }

        return firstTokenOnly && whole ? Attention.FirstTokens(hidden, rows, 1, length) : hidden;
    }

    /// <summary>Vectors of the positions: (length, dim), the same for every row, or (rows, length, dim).</summary>
    /// <param name="batch">The tokens.</param>
    /// <param name="first">Position of the first: the count of trained keys before it.</param>
    /// <param name="context">Adapters of the call.</param>
    private protected virtual Tensor PositionOf(TokenBatch batch, long first, ForwardContext context) => Positions.Weight.narrow(0, first, batch.Length);
}
