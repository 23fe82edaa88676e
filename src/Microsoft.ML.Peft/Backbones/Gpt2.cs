using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>GPT-2: a decoder of pre-norm blocks with learned positions; its linear layers store their weights as (in, out).</summary>
/// <remarks>
/// <para>h₀ = word + position; per block: h ← h + O·Attention(norm₁(h)), h ← h + D·act(U·norm₂(h)).</para>
/// <para>Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".</para>
/// </remarks>
[Architecture("gpt2")]
public sealed class Gpt2 : Decoder
{
    private readonly EmbeddingLayer _positions;
    private readonly Block[] _blocks;
    private readonly LayerNormLayer _norm;
    private readonly double _dropout;
    private readonly int _heads;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Gpt2(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("n_embd", 1, 1 << 16);
        MaxLength = config.Int("n_positions", 1, 1 << 24);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        TiedOutput = config.Flag("tie_word_embeddings", true);
        _dropout = config.Number("embd_pdrop", 0, 0.99, 0.1);
        var eps = config.Number("layer_norm_epsilon", 0, 1, 1e-5);
        var heads = config.Int("n_head", 1, 1 << 10);
        if (HiddenSize % heads != 0)
        {
            throw config.Wrong("n_head", $"a divisor of n_embd, which is {HiddenSize}");
        }

        if (config.Flag("add_cross_attention", false))
        {
            throw config.Wrong("add_cross_attention", "false, the only kind that is supported");
        }

        _heads = heads;
        _blocks = new Block[config.Int("n_layer", 1, 1 << 12)];
        source.Root(Root);
        Words = source.Embedding("transformer.wte", VocabularySize, HiddenSize);
        _positions = source.Embedding("transformer.wpe", MaxLength, HiddenSize);
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
    public override PromptShape Prompts => new(HiddenSize, _blocks.Length, _heads, _heads, HiddenSize);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["c_attn"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["lm_head.", "score.", .. AttentionBuffers(Root, _blocks.Length)];

    /// <summary>Names of the causal masks that old checkpoints of the GPT line hold.</summary>
    internal static IEnumerable<string> AttentionBuffers(string root, int blocks)
        => from prefix in (string[])[root, ""]
           from block in Enumerable.Range(0, blocks)
           from buffer in (string[])["bias", "masked_bias"]
           select $"{prefix}h.{block}.attn.{buffer}";

    private protected override Tensor Run(DecoderPass pass)
    {
        var (rows, length) = (pass.Rows, pass.Length);
        var hidden = pass.Embed(Words).view(rows, length, HiddenSize)
            + _positions.Forward(pass.Positions(), pass.Context).view(-1, length, HiddenSize);
        hidden = pass.Context.Dropout(hidden, _dropout).view(rows * length, HiddenSize);
        var mask = pass.Causal();
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
        private readonly int _hidden;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer _queryKeyValue;
        private readonly LinearLayer _output;
        private readonly LayerNormLayer _norm2;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _scale;
        private readonly double _dropout;
        private readonly double _attentionDropout;

        public Block(ModelConfig config, WeightSource source, int index, int hidden, int heads, double eps)
        {
            var path = $"transformer.h.{index}";
            var inner = config.Int("n_inner", 1, 1 << 20, 4 * hidden);
            (_index, _heads, _hidden) = (index, heads, hidden);
            _scale = (config.Flag("scale_attn_weights", true) ? 1 / Math.Sqrt((double)hidden / heads) : 1)
                / (config.Flag("scale_attn_by_inverse_layer_idx", false) ? index + 1 : 1);
            _activation = Activation.Named(config.Text("activation_function", "gelu_new"));
            _dropout = config.Number("resid_pdrop", 0, 0.99, 0.1);
            _attentionDropout = config.Number("attn_pdrop", 0, 0.99, 0.1);
            _norm1 = source.LayerNorm($"{path}.ln_1", hidden, eps);
            _queryKeyValue = source.LinearInOut($"{path}.attn.c_attn", hidden, 3 * hidden);
            _output = source.LinearInOut($"{path}.attn.c_proj", hidden, hidden);
            _norm2 = source.LayerNorm($"{path}.ln_2", hidden, eps);
            _up = source.LinearInOut($"{path}.mlp.c_fc", hidden, inner);
            _down = source.LinearInOut($"{path}.mlp.c_proj", inner, hidden);
            source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Fused(_queryKeyValue, _output, heads, hidden / heads) });
        }

        public Tensor Forward(Tensor hidden, DecoderPass pass, AttentionMask mask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var state = new BlockState { Rows = pass.Rows, Heads = _heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var parts = _queryKeyValue.Forward(normed, context).split([_hidden, _hidden, _hidden], 1);
            var attended = Attention.OverTokens(
                parts[0], parts[1], parts[2], pass.Shape(_heads, _hidden / _heads), mask, _attentionDropout, context, pass.Cache?.Own(_index), _scale,
                pass.Prefix(_index));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            var after = state with { Residual = hidden, Input = normed, Attention = new(parts[0], KeysOf, _heads, Output: null) };
            hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, after);

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(normed, context)), context), _dropout);
            return (hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed })).MoveToOuterDisposeScope();
        }

        private (Tensor Keys, Tensor Values) KeysOf(Tensor x, ForwardContext context)
        {
            var parts = _queryKeyValue.Forward(x, context).split([_hidden, _hidden, _hidden], 1);
            return (parts[1], parts[2]);
        }
    }
}
