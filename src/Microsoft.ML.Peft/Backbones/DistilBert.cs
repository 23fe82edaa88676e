using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>DistilBERT: BERT's encoder with half the blocks and no token types.</summary>
/// <remarks>
/// <para>h₀ = LN(word + position); per block: h ← LN(h + Attention(h)), h ← LN(h + W₂·act(W₁·h)).</para>
/// <para>Source: Sanh et al. 2019, arXiv:1910.01108.</para>
/// </remarks>
[Architecture("distilbert", TakesPrunedHeads = true)]
public sealed class DistilBert : TextEncoder
{
    private const double Eps = 1e-12;

    private readonly EmbeddingLayer _positions;
    private readonly LayerNormLayer _norm;
    private readonly PostNormBlock[] _blocks;
    private readonly int _heads;
    private readonly double _dropout;
    private readonly string _activation;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public DistilBert(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("dim", 1, 1 << 16);
        MaxLength = config.Int("max_position_embeddings", 1, 1 << 20);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        _heads = config.Int("n_heads", 1, 1 << 10);
        _dropout = config.Number("dropout", 0, 0.99, 0.1);
        _activation = config.Text("activation", "gelu");
        if (HiddenSize % _heads != 0)
        {
            throw config.Wrong("n_heads", $"a divisor of dim, which is {HiddenSize}");
        }

        source.Root(Root);
        Words = source.Embedding("distilbert.embeddings.word_embeddings", VocabularySize, HiddenSize);
        _positions = source.Embedding("distilbert.embeddings.position_embeddings", MaxLength, HiddenSize);
        _norm = source.LayerNorm("distilbert.embeddings.LayerNorm", HiddenSize, Eps);
        var shape = new PostNormShape(HiddenSize, config.Int("hidden_dim", 1, 1 << 20), Eps, _activation)
        {
            Heads = _heads,
            WeightDropout = config.Number("attention_dropout", 0, 0.99, 0.1),
            AttentionDropout = 0,
            OutputDropout = _dropout,
        };
        _blocks = new PostNormBlock[config.Int("n_layers", 1, 1 << 12)];
        var pruned = PrunedHeads.Of(config, _blocks.Length, _heads);
        for (var k = 0; k < _blocks.Length; k++)
        {
            var path = $"distilbert.transformer.layer.{k}";
            var paths = new PostNormPaths(
                $"{path}.attention.q_lin", $"{path}.attention.k_lin", $"{path}.attention.v_lin", $"{path}.attention.out_lin", $"{path}.sa_layer_norm",
                $"{path}.ffn.lin1", $"{path}.ffn.lin2", $"{path}.output_layer_norm");
            _blocks[k] = new PostNormBlock(source, k, paths, shape with { Heads = pruned.LeftIn(k), HeadSize = shape.HeadSize });
        }
    }

    /// <inheritdoc/>
    public override string Root => "distilbert.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int MaxLength { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override PromptShape Prompts => new(HiddenSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_lin", "v_lin"];

    /// <inheritdoc/>
    public override FirstTokenForm FirstToken => new("pre_classifier", "relu", "classifier", 0, Config.Number("seq_classif_dropout", 0, 0.99, 0.2));

    /// <inheritdoc/>
    public override double TokenDropout => _dropout;

    /// <inheritdoc/>
    public override double AnswerDropout => Config.Number("qa_dropout", 0, 0.99, 0.1);

    /// <inheritdoc/>
    public override MaskedTokenForm MaskedToken
        => new("vocab_transform", _activation, "vocab_layer_norm", Eps, HiddenSize, "vocab_projector", "vocab_projector.bias");

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
        ["vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.", "classifier.", "qa_outputs."];

    /// <inheritdoc/>
    public override Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly = false)
    {
        batch = WithPrompts(batch, context);
        var prefix = context.Prefix();
        var (rows, length, before) = (batch.Rows, batch.Length, prefix?.Length ?? 0);
        var embedded = context.Embed(Words, batch).view(rows, length, -1) + _positions.Weight.narrow(0, before, length);
        var hidden = context.Dropout(_norm.Forward(embedded, context), _dropout).view(rows * length, -1);
        var mask = MaskOf(batch, prefix) is { } present ? Attention.PaddingMask(present, rows, before + length, _heads) : null;
        var whole = !firstTokenOnly || context.ReadsEveryToken;
        for (var k = 0; k < _blocks.Length; k++)
        {
            var queries = !whole && k == _blocks.Length - 1 ? 1 : length;
            hidden = _blocks[k].Forward(hidden, new AttentionShape(rows, queries, length, _heads, HiddenSize / _heads), mask, context, prefix: prefix);
        }

        return firstTokenOnly && whole ? Attention.FirstTokens(hidden, rows, 1, length) : hidden;
    }
}
