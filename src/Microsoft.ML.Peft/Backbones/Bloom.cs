using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>BLOOM: a decoder without position embeddings; each head favours near tokens by its own slope (ALiBi).</summary>
/// <remarks>
/// <para>Scores of head a: q·k/√d + mₐ·position(k), with mₐ = 2^(−8a/heads) where heads is a power of two.</para>
/// <para>Sources: Le Scao et al. 2022, arXiv:2211.05100; ALiBi: Press et al. 2021, arXiv:2108.12409.</para>
/// </remarks>
[Architecture("bloom")]
public sealed class Bloom : Decoder
{
    private readonly LayerNormLayer _wordNorm;
    private readonly Block[] _blocks;
    private readonly LayerNormLayer _norm;
    private readonly int _heads;
    private readonly ConstantNumbers _slopes;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Bloom(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int(config.Has("n_embed") ? "n_embed" : "hidden_size", 1, 1 << 16);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        TiedOutput = config.Flag("tie_word_embeddings", true);
        var headsKey = config.Has("num_attention_heads") ? "num_attention_heads" : "n_head";
        var heads = config.Int(headsKey, 1, 1 << 10);
        var eps = config.Number("layer_norm_epsilon", 0, 1, 1e-5);
        if (HiddenSize % heads != 0)
        {
            throw config.Wrong(headsKey, $"a divisor of the hidden size, which is {HiddenSize}");
        }

        _slopes = new(Slopes(heads));
        _blocks = new Block[config.Int(config.Has("num_hidden_layers") ? "num_hidden_layers" : "n_layer", 1, 1 << 12)];
        _heads = heads;
        source.Root(Root);
        Words = source.Embedding("transformer.word_embeddings", VocabularySize, HiddenSize);
        _wordNorm = source.LayerNorm("transformer.word_embeddings_layernorm", HiddenSize, eps);
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new Block(config, source, k, HiddenSize, heads, eps);
        }

        _norm = source.LayerNorm("transformer.ln_f", HiddenSize, eps);
    }

    /// <inheritdoc/>
    public override string Root => "transformer.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <summary>There is no table of positions, so this is only what fits into memory.</summary>
    public override int MaxLength => 1 << 20;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override bool TiedOutput { get; }

    /// <inheritdoc/>
    public override PromptShape Prompts => new(HiddenSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["query_key_value"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["lm_head.", "score."];

    /// <summary>The slope of each head: a geometric row for a power of two; the heads beyond it take every other slope of the next power.</summary>
    internal static float[] Slopes(int heads)
    {
        var power = 1 << (int)Math.Log2(heads);
        return [.. Enumerable.Range(1, heads).Select(k => (float)(k <= power
            ? Math.Pow(2, -8.0 * k / power)
            : Math.Pow(2, -8.0 * ((2 * (k - power)) - 1) / (2 * power))))];
    }

    private protected override Tensor Run(DecoderPass pass)
    {
        var hidden = _wordNorm.Forward(pass.Embed(Words), pass.Context);
        var position = pass.PositionsOrPadding() ?? arange(pass.Keys, ScalarType.Int64, pass.Device);
        var bias = position.to(ScalarType.Float32).view(-1, 1, 1, pass.Keys).mul(_slopes.On(pass.Device).view(1, _slopes.Count, 1, 1));
        var mask = pass.Causal(bias: bias);
        foreach (var block in _blocks)
        {
            hidden = block.Forward(hidden, pass, mask);
        }

        return _norm.Forward(hidden, pass.Context);
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly int _heads;
        private readonly int _size;
        private readonly bool _residualAfterNorm;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer _queryKeyValue;
        private readonly LinearLayer _output;
        private readonly LayerNormLayer _norm2;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly Func<Tensor, Tensor> _activation = Activation.Named("gelu_pytorch_tanh");
        private readonly double _dropout;
        private readonly double _attentionDropout;

        public Block(ModelConfig config, WeightSource source, int index, int hidden, int heads, double eps)
        {
            var path = $"transformer.h.{index}";
            (_index, _heads, _size) = (index, heads, hidden / heads);
            _residualAfterNorm = config.Flag("apply_residual_connection_post_layernorm", false);
            _dropout = config.Number("hidden_dropout", 0, 0.99, 0);
            _attentionDropout = config.Number("attention_dropout", 0, 0.99, 0);
            _norm1 = source.LayerNorm($"{path}.input_layernorm", hidden, eps);
            _queryKeyValue = source.Linear($"{path}.self_attention.query_key_value", hidden, 3 * hidden);
            _output = source.Linear($"{path}.self_attention.dense", hidden, hidden);
            _norm2 = source.LayerNorm($"{path}.post_attention_layernorm", hidden, eps);
            _up = source.Linear($"{path}.mlp.dense_h_to_4h", hidden, 4 * hidden);
            _down = source.Linear($"{path}.mlp.dense_4h_to_h", 4 * hidden, hidden);
            source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Together(_queryKeyValue, _output, heads, _size) });
        }

        public Tensor Forward(Tensor hidden, DecoderPass pass, AttentionMask mask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var tokens = pass.Rows * pass.Length;
            var state = new BlockState { Rows = pass.Rows, Heads = _heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var parts = _queryKeyValue.Forward(normed, context).view(tokens, _heads, 3, _size); // query, key and value of a head lie together
            var attended = Attention.OverTokens(
                Part(0), Part(1), Part(2), pass.Shape(_heads, _size), mask, _attentionDropout, context, pass.Cache?.Own(_index), prefix: pass.Prefix(_index));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            var residual = _residualAfterNorm ? normed : hidden;
            hidden = residual + context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = residual, Input = normed });

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(normed, context)), context), _dropout);
            residual = _residualAfterNorm ? normed : hidden;
            return (residual + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = residual, Input = normed })).MoveToOuterDisposeScope();

            Tensor Part(int which) => parts.select(2, which).reshape(tokens, _heads * _size);
        }
    }
}
