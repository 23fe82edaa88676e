using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>DeBERTa version 2 and 3: BERT's blocks whose attention scores contents and distances apart.</summary>
/// <remarks>
/// <para>Scores of query i and key j: <c>(qᵢ·kⱼ + qᵢ·kᵖ_r(i,j) + kⱼ·qᵖ_r(i,j)) / √(parts·d)</c>, r the bucket of i − j.</para>
/// <para>Source: He et al. 2020, arXiv:2006.03654; He et al. 2021, arXiv:2111.09543.</para>
/// </remarks>
[Architecture("deberta-v2")]
public sealed class DebertaV2 : TextEncoder
{
    private readonly EmbeddingLayer? _positions;
    private readonly EmbeddingLayer? _types;
    private readonly LinearLayer? _project;
    private readonly LayerNormLayer _norm;
    private readonly EmbeddingLayer? _distances;
    private readonly LayerNormLayer? _distanceNorm;
    private readonly PostNormBlock[] _blocks;
    private readonly TokenConvolution? _convolution;
    private readonly LinearLayer?[] _distanceKeys;
    private readonly LinearLayer?[] _distanceQueries;
    private readonly int _heads;
    private readonly int _span;
    private readonly int _buckets;
    private readonly int _farthest;
    private readonly bool _contentToPosition;
    private readonly bool _positionToContent;
    private readonly bool _sharedKeys;
    private readonly double _scale;
    private readonly double _dropout;
    private readonly double _eps;
    private readonly int _embeddingSize;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public DebertaV2(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("hidden_size", 1, 1 << 16);
        MaxLength = config.Int("max_position_embeddings", 1, 1 << 20);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        _heads = config.Int("num_attention_heads", 1, 1 << 10);
        _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0.1);
        _eps = config.Number("layer_norm_eps", 0, 1, 1e-7);
        _embeddingSize = config.Int("embedding_size", 1, 1 << 16, HiddenSize);
        if (HiddenSize % _heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        var size = HiddenSize / _heads;
        if (config.Int("attention_head_size", 1, 1 << 16, size) != size)
        {
            throw config.Wrong("attention_head_size", $"hidden_size / num_attention_heads, which is {size}");
        }

        var parts = Parts(config);
        (_contentToPosition, _positionToContent) = (parts.Contains("c2p"), parts.Contains("p2c"));
        _scale = 1 / Math.Sqrt((double)size * (1 + parts.Count));

        source.Root(Root);
        Words = source.Embedding("deberta.embeddings.word_embeddings", VocabularySize, _embeddingSize);
        _positions = config.Flag("position_biased_input", true)
            ? source.Embedding("deberta.embeddings.position_embeddings", MaxLength, _embeddingSize)
            : null;
        var types = config.Int("type_vocab_size", 0, 1 << 10, 0);
        _types = types > 0 ? source.Embedding("deberta.embeddings.token_type_embeddings", types, _embeddingSize) : null;
        _project = _embeddingSize == HiddenSize ? null : source.Linear("deberta.embeddings.embed_proj", _embeddingSize, HiddenSize, bias: false);
        _norm = source.LayerNorm("deberta.embeddings.LayerNorm", HiddenSize, _eps);

        _farthest = config.Int("max_relative_positions", -1, 1 << 20, -1) is > 0 and var given ? given : MaxLength;
        _buckets = Math.Max(config.Int("position_buckets", -1, 1 << 20, -1), 0);
        if (_buckets == 1 || (_buckets > 0 && _farthest - 1 <= _buckets / 2 && MaxLength > _farthest))
        {
            throw config.Wrong("position_buckets", $"0, or from 2 to less than twice the farthest position, which is {_farthest}");
        }

        _span = _buckets > 0 ? _buckets : _farthest;
        _sharedKeys = config.Flag("share_att_key", false);
        _blocks = new PostNormBlock[config.Int("num_hidden_layers", 1, 1 << 12)];
        _distanceKeys = new LinearLayer?[_blocks.Length];
        _distanceQueries = new LinearLayer?[_blocks.Length];
        if (config.Flag("relative_attention", false) && parts.Count > 0)
        {
            _distances = source.Embedding("deberta.encoder.rel_embeddings", 2 * _span, HiddenSize);
            _distanceNorm = config.Text("norm_rel_ebd", "none") switch
            {
                "none" => null,
                "layer_norm" => source.LayerNorm("deberta.encoder.LayerNorm", HiddenSize, _eps),
                _ => throw config.Wrong("norm_rel_ebd", "\"none\" or \"layer_norm\""),
            };
        }

        BuildBlocks(config, source);
        _convolution = TokenConvolution.Create(config, source, "deberta.encoder.conv", HiddenSize, _eps, _dropout);
    }

    /// <inheritdoc/>
    public override string Root => "deberta.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int MaxLength { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <summary>Keys cannot be trained: the scores depend on distances, which they have not.</summary>
    public override PromptShape Prompts => new(_embeddingSize, _blocks.Length, _heads, KeyHeads: 0, KeyWidth: 0);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["query_proj", "value_proj"];

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken => new(
        "pooler.dense", Config.Text("pooler_hidden_act", "gelu"), "classifier",
        Config.Number("pooler_dropout", 0, 0.99, 0), Config.Number("cls_dropout", 0, 0.99, _dropout));

    /// <inheritdoc/>
    public override double TokenDropout => _dropout;

    /// <inheritdoc/>
    public override MaskedTokenForm MaskedToken => Config.Flag("legacy", true)
        ? new(
            "cls.predictions.transform.dense", Config.Text("hidden_act", "gelu"), "cls.predictions.transform.LayerNorm", _eps, _embeddingSize,
            "cls.predictions.decoder", "cls.predictions.bias")
        : new(
            "lm_predictions.lm_head.dense", Config.Text("hidden_act", "gelu"), "lm_predictions.lm_head.LayerNorm", _eps, HiddenSize,
            "lm_predictions.lm_head.decoder", "lm_predictions.lm_head.bias");

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "cls.", "lm_predictions.", "mask_predictions.", "pooler.", "classifier.", "qa_outputs.", "deberta.embeddings.position_ids",
        "embeddings.position_ids", "deberta.embeddings.position_embeddings.", "embeddings.position_embeddings.",
    ];

    /// <inheritdoc/>
    public override Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false)
    {
        batch = WithPrompts(batch, context);
        var (rows, length) = (batch.Rows, batch.Length);
        var embedded = Embed(batch, context);
        var hidden = embedded;
        var counts = batch.Mask?.view(rows, 1, length).to(ScalarType.Bool);
        var mask = counts is null || _distances is not null ? null : Attention.PaddingMask(batch.Mask!, rows, length, _heads);
        var hides = counts is null ? null : counts.view(rows, 1, 1, length).logical_and(counts.view(rows, 1, length, 1)).logical_not(); // a pair of two tokens counts
        var table = _distances is null ? null : _distanceNorm is null ? _distances.Weight : _distanceNorm.Forward(_distances.Weight, context);
        var whole = !firstTokenOnly || context.ReadsEveryToken || (_convolution is not null && _blocks.Length == 1);
        Tensor? index = null;
        for (var k = 0; k < _blocks.Length; k++)
        {
            var convolves = k == 0 && _convolution is not null; // over neighbours: all tokens are needed
            var queries = !whole && k == _blocks.Length - 1 ? 1 : length;
            var shape = new AttentionShape(rows, queries, length, _heads, HiddenSize / _heads);
            if (table is not null && (index is null || queries != length))
            {
                index = RelativeBuckets.Index(queries, length, _span, _buckets, _farthest, batch.Ids.device);
                hides = hides?.narrow(2, 0, queries);
            }

            hidden = _blocks[k].Forward(hidden, shape, mask, context, _scale, table is null ? null : Relative(k, table, index!, shape, hides, context));
            hidden = convolves ? _convolution!.Forward(embedded, hidden, batch, context) : hidden;
        }

        return firstTokenOnly && whole ? Attention.FirstTokens(hidden, rows, 1, length) : hidden;
    }

    private static List<string> Parts(ModelConfig config)
    {
        var parts = config.List("pos_att_type").SelectMany(part => part.ToLowerInvariant().Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        var known = parts.Distinct().ToList();
        return known.All(part => part is "c2p" or "p2c")
            ? known
            : throw config.Wrong("pos_att_type", "made of \"c2p\" and \"p2c\"");
    }

    private void BuildBlocks(ModelConfig config, WeightSource source)
    {
        var shape = new PostNormShape(HiddenSize, config.Int("intermediate_size", 1, 1 << 20), _eps, config.Text("hidden_act", "gelu"))
        {
            Heads = _heads,
            WeightDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0.1),
            AttentionDropout = _dropout,
            OutputDropout = _dropout,
        };
        for (var k = 0; k < _blocks.Length; k++)
        {
            var path = $"deberta.encoder.layer.{k}";
            _blocks[k] = new PostNormBlock(source, k, PostNormPaths.Bert(path, "_proj"), shape);
            if (_distances is not null && !_sharedKeys)
            {
                _distanceKeys[k] = _contentToPosition ? source.Linear($"{path}.attention.self.pos_key_proj", HiddenSize, HiddenSize) : null;
                _distanceQueries[k] = _positionToContent ? source.Linear($"{path}.attention.self.pos_query_proj", HiddenSize, HiddenSize) : null;
            }
        }
    }

    private Tensor Embed(TokenBatch batch, ForwardContext context)
    {
        var (rows, length) = (batch.Rows, batch.Length);
        var embedded = context.Embed(Words, batch);
        if (_types is not null)
        {
            embedded = embedded + (batch.TypeIds is null ? _types.Weight.narrow(0, 0, 1) : _types.Forward(batch.TypeIds, context));
        }

        if (_positions is not null)
        {
            embedded = (embedded.view(rows, length, -1) + _positions.Weight.narrow(0, 0, length)).view(rows * length, -1);
        }

        var normed = _norm.Forward(_project is null ? embedded : _project.Forward(embedded, context), context);
        return context.Dropout(batch.Mask is null ? normed : normed * batch.Mask.to(normed.dtype).view(-1, 1), _dropout);
    }

    private Func<Tensor, Tensor, Tensor> Relative(
        int block, Tensor table, Tensor index, AttentionShape shape, Tensor? hides, ForwardContext context)
    {
        return (query, key) =>
        {
            var distances = context.Dropout(table, _dropout);
            var keys = _contentToPosition ? (_distanceKeys[block] ?? _blocks[block].Key).Forward(distances, context) : null;
            var queries = _positionToContent ? (_distanceQueries[block] ?? _blocks[block].Query).Forward(distances, context) : null;
            return DisentangledBias.Scores(query, key, keys, queries, index, shape, _scale, hides);
        };
    }
}
