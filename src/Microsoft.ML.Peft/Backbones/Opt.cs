using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>OPT: a decoder with learned positions that start at 2, norms before or after each part, and in one size narrower embeddings.</summary>
/// <remarks>Source: Zhang et al. 2022, arXiv:2205.01068.</remarks>
[Architecture("opt")]
public sealed class Opt : Decoder
{
    private const int FirstPosition = 2;
    private readonly EmbeddingLayer _positions;
    private readonly LinearLayer? _projectIn;
    private readonly LinearLayer? _projectOut;
    private readonly Block[] _blocks;
    private readonly LayerNormLayer? _norm;
    private readonly double _dropout;
    private readonly int _heads;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Opt(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("hidden_size", 1, 1 << 16);
        OutputSize = config.Int("word_embed_proj_dim", 1, 1 << 16, HiddenSize);
        MaxLength = config.Int("max_position_embeddings", 1, 1 << 24);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        TiedOutput = config.Flag("tie_word_embeddings", true);
        _dropout = config.Number("dropout", 0, 0.99, 0.1);
        var heads = config.Int("num_attention_heads", 1, 1 << 10);
        if (HiddenSize % heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        if (!config.Flag("layer_norm_elementwise_affine", true))
        {
            throw config.Wrong("layer_norm_elementwise_affine", "true, the only kind that is supported");
        }

        var normFirst = config.Flag("do_layer_norm_before", true);
        _heads = heads;
        _blocks = new Block[config.Int("num_hidden_layers", 1, 1 << 12)];
        source.Root(Root);
        Words = source.Embedding("model.decoder.embed_tokens", VocabularySize, OutputSize);
        _positions = source.Embedding("model.decoder.embed_positions", MaxLength + FirstPosition, HiddenSize);
        _projectIn = OutputSize == HiddenSize ? null : source.Linear("model.decoder.project_in", OutputSize, HiddenSize, bias: false);
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new Block(config, source, k, HiddenSize, heads, normFirst);
        }

        _norm = normFirst && !config.Flag("_remove_final_layer_norm", false)
            ? source.LayerNorm("model.decoder.final_layer_norm", HiddenSize, Block.Eps)
            : null;
        _projectOut = OutputSize == HiddenSize ? null : source.Linear("model.decoder.project_out", HiddenSize, OutputSize, bias: false);
    }

    /// <inheritdoc/>
    public override string Root => "model.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int OutputSize { get; }

    /// <inheritdoc/>
    public override int MaxLength { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override bool TiedOutput { get; }

    /// <inheritdoc/>
    public override PromptShape Prompts => new(OutputSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["lm_head.", "score."];

    private protected override Tensor Run(DecoderPass pass)
    {
        var (rows, length, context) = (pass.Rows, pass.Length, pass.Context);
        var words = pass.Embed(Words);
        words = _projectIn?.Forward(words, context) ?? words;

        // Unlike the other decoders OPT counts the real tokens also without a cache; padding stands before the first.
        var position = pass.PositionsOrPadding() is { } real
            ? real.narrow(1, pass.Past, length).reshape(rows * length)
            : arange(pass.First, pass.First + length, ScalarType.Int64, pass.Device);
        var hidden = words.view(rows, length, HiddenSize) + _positions.Forward(position.add(FirstPosition), context).view(-1, length, HiddenSize);
        hidden = context.Dropout(hidden, _dropout).view(rows * length, HiddenSize);
        var mask = pass.Causal();
        foreach (var block in _blocks)
        {
            hidden = block.Forward(hidden, pass, mask);
        }

        hidden = _norm?.Forward(hidden, context) ?? hidden;
        return _projectOut?.Forward(hidden, context) ?? hidden;
    }

    private sealed class Block
    {
        public const double Eps = 1e-5;
        private readonly int _index;
        private readonly int _heads;
        private readonly int _size;
        private readonly bool _normFirst;
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

        public Block(ModelConfig config, WeightSource source, int index, int hidden, int heads, bool normFirst)
        {
            var path = $"model.decoder.layers.{index}";
            var inner = config.Int("ffn_dim", 1, 1 << 20);
            var bias = config.Flag("enable_bias", true);
            (_index, _heads, _size, _normFirst) = (index, heads, hidden / heads, normFirst);
            _activation = Activation.Named(config.Text("activation_function", "relu"));
            _dropout = config.Number("dropout", 0, 0.99, 0.1);
            _attentionDropout = config.Number("attention_dropout", 0, 0.99, 0);
            _norm1 = source.LayerNorm($"{path}.self_attn_layer_norm", hidden, Eps);
            _query = source.Linear($"{path}.self_attn.q_proj", hidden, hidden, bias);
            _key = source.Linear($"{path}.self_attn.k_proj", hidden, hidden, bias);
            _value = source.Linear($"{path}.self_attn.v_proj", hidden, hidden, bias);
            _output = source.Linear($"{path}.self_attn.out_proj", hidden, hidden, bias);
            _norm2 = source.LayerNorm($"{path}.final_layer_norm", hidden, Eps);
            _up = source.Linear($"{path}.fc1", hidden, inner, bias);
            _down = source.Linear($"{path}.fc2", inner, hidden, bias);
            source.Blocks.Add(new(index, _output, _down, !normFirst) { Heads = HeadMap.Of(_query, _key, _value, _output, heads, _size) });
        }

        public Tensor Forward(Tensor hidden, DecoderPass pass, AttentionMask mask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var state = new BlockState { Rows = pass.Rows, Heads = _heads };
            var x = _normFirst ? Norm1(hidden) : hidden;
            var attended = Attention.OverTokens(
                _query.Forward(x, context), _key.Forward(x, context), _value.Forward(x, context),
                pass.Shape(_heads, _size), mask, _attentionDropout, context, pass.Cache?.Own(_index), prefix: pass.Prefix(_index));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, Around(hidden, x, _norm1));
            hidden = _normFirst ? hidden : Norm1(hidden);

            x = _normFirst ? Norm2(hidden) : hidden;
            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(x, context)), context), _dropout);
            hidden = hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, Around(hidden, x, _norm2));
            return (_normFirst ? hidden : Norm2(hidden)).MoveToOuterDisposeScope();

            Tensor Norm1(Tensor y) => context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(y, context), state);

            Tensor Norm2(Tensor y) => context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(y, context), state);

            BlockState Around(Tensor residual, Tensor input, LayerNormLayer norm)
                => state with { Residual = residual, Input = input, Norm = _normFirst ? null : y => norm.Forward(y, context) };
        }
    }
}
