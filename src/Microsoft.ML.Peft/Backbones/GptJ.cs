using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>GPT-J: attention and feed-forward side by side on one norm, rotary positions on neighbouring features.</summary>
/// <remarks>
/// <para>Per block: h ← h + O·Attention(n) + D·act(U·n) with n = norm(h).</para>
/// <para>Source: Wang and Komatsuzaki 2021, "GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model".</para>
/// </remarks>
[Architecture("gptj")]
public sealed class GptJ : Decoder
{
    private readonly Block[] _blocks;
    private readonly LayerNormLayer _norm;
    private readonly RotaryEmbedding _rotary;
    private readonly double _dropout;
    private readonly int _heads;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public GptJ(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("n_embd", 1, 1 << 16);
        MaxLength = config.Int("n_positions", 1, 1 << 24);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        TiedOutput = config.Flag("tie_word_embeddings", false);
        _dropout = config.Number("embd_pdrop", 0, 0.99, 0);
        var eps = config.Number("layer_norm_epsilon", 0, 1, 1e-5);
        var heads = config.Int("n_head", 1, 1 << 10);
        if (HiddenSize % heads != 0)
        {
            throw config.Wrong("n_head", $"a divisor of n_embd, which is {HiddenSize}");
        }

        var turned = config.Int("rotary_dim", 2, HiddenSize / heads);
        if (turned % 2 != 0)
        {
            throw config.Wrong("rotary_dim", "even");
        }

        _rotary = new RotaryEmbedding(new RotaryFrequencies(RotaryFrequencies.Plain(turned, 10000)), neighbours: true);
        _heads = heads;
        _blocks = new Block[config.Int("n_layer", 1, 1 << 12)];
        source.Root(Root);
        Words = source.Embedding("transformer.wte", VocabularySize, HiddenSize);
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

    /// <inheritdoc/>
    public override int MaxLength { get; }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override bool TiedOutput { get; }

    /// <inheritdoc/>
    public override bool OutputBias => true;

    /// <inheritdoc/>
    public override PromptShape Prompts => new(HiddenSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["lm_head.", "score.", .. Gpt2.AttentionBuffers(Root, _blocks.Length)];

    private protected override Tensor Run(DecoderPass pass)
    {
        var hidden = pass.Context.Dropout(pass.Embed(Words), _dropout);
        var angles = _rotary.Angles(pass.Positions(), pass.Length, pass.Keys, hidden.dtype);
        var mask = pass.Causal();
        foreach (var block in _blocks)
        {
            hidden = block.Forward(hidden, pass, _rotary, angles, mask);
        }

        return _norm.Forward(hidden, pass.Context);
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly int _heads;
        private readonly int _size;
        private readonly LayerNormLayer _norm;
        private readonly LinearLayer _query;
        private readonly LinearLayer _key;
        private readonly LinearLayer _value;
        private readonly LinearLayer _output;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _dropout;
        private readonly double _attentionDropout;

        public Block(ModelConfig config, WeightSource source, int index, int hidden, int heads, double eps)
        {
            var path = $"transformer.h.{index}";
            var inner = config.Int("n_inner", 1, 1 << 20, 4 * hidden);
            (_index, _heads, _size) = (index, heads, hidden / heads);
            _activation = Activation.Named(config.Text("activation_function", "gelu_new"));
            _dropout = config.Number("resid_pdrop", 0, 0.99, 0);
            _attentionDropout = config.Number("attn_pdrop", 0, 0.99, 0);
            _norm = source.LayerNorm($"{path}.ln_1", hidden, eps);
            _query = source.Linear($"{path}.attn.q_proj", hidden, hidden, bias: false);
            _key = source.Linear($"{path}.attn.k_proj", hidden, hidden, bias: false);
            _value = source.Linear($"{path}.attn.v_proj", hidden, hidden, bias: false);
            _output = source.Linear($"{path}.attn.out_proj", hidden, hidden, bias: false);
            _up = source.Linear($"{path}.mlp.fc_in", hidden, inner);
            _down = source.Linear($"{path}.mlp.fc_out", inner, hidden);
            source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Of(_query, _key, _value, _output, heads, _size) });
        }

        public Tensor Forward(Tensor hidden, DecoderPass pass, RotaryEmbedding rotary, RotaryAngles angles, AttentionMask mask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var state = new BlockState { Rows = pass.Rows, Heads = _heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm.Forward(hidden, context), state);
            var attended = Attention.OverTokens(
                rotary.Apply(_query.Forward(normed, context), angles, pass.Rows, pass.Length, _heads, _size),
                rotary.Apply(_key.Forward(normed, context), angles, pass.Rows, pass.Length, _heads, _size),
                _value.Forward(normed, context),
                pass.Shape(_heads, _size), mask, _attentionDropout, context, pass.Cache?.Own(_index), prefix: pass.Prefix(_index));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(normed, context)), context), _dropout);
            state = state with { Residual = hidden, Input = normed }; // of both parts
            hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, state) + context.At(BlockPoint.AfterFeedForward, _index, fed, state);
            return hidden.MoveToOuterDisposeScope();
        }
    }
}
