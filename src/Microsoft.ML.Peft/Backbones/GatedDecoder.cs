using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The decoders of the LLaMA line: pre-norm blocks with root-mean-square norms, rotary positions, key heads that
/// several query heads share, and a gated feed-forward part.</summary>
/// <remarks>
/// <para>Per block: h ← h + O·Attention(rope(Q·n), rope(K·n), V·n) with n = norm₁(h); h ← h + D·(act(G·m) ∘ U·m) with m = norm₂(h).</para>
/// <para>Sources: Touvron et al. 2023, arXiv:2302.13971; key heads: Ainslie et al. 2023, arXiv:2305.13245; gate: Shazeer 2020, arXiv:2002.05202.</para>
/// </remarks>
public abstract class GatedDecoder : Decoder
{
    private readonly Block[] _blocks;
    private readonly RmsNormLayer _norm;
    private readonly RotaryEmbedding _rotary;
    private readonly double _embeddingScale;
    private readonly long[] _windows; // of each block
    private readonly AttentionShape _heads;

    private protected GatedDecoder(ModelConfig config, WeightSource source, GatedDecoderForm form)
        : base(config, source)
    {
        HiddenSize = config.Int("hidden_size", 1, 1 << 16);
        VocabularySize = config.Int("vocab_size", 1, 1 << 22);
        TiedOutput = config.Flag("tie_word_embeddings", form.TiedByDefault);
        var heads = config.Int("num_attention_heads", 1, 1 << 10);
        var keyHeads = config.Int("num_key_value_heads", 1, 1 << 10, heads);
        if (heads % keyHeads != 0)
        {
            throw config.Wrong("num_key_value_heads", $"a divisor of num_attention_heads, which is {heads}");
        }

        if (!config.Has("head_dim") && form.HeadSize is null && HiddenSize % heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        var size = config.Int("head_dim", 1, 1 << 12, form.HeadSize ?? HiddenSize / heads);
        var eps = config.Number("rms_norm_eps", 0, 1, form.Eps);
        (_rotary, MaxLength) = RotaryConfig.Read(config, size, form.Theta);
        _embeddingScale = form.ScalesEmbeddings ? Math.Sqrt(HiddenSize) : 1;
        _blocks = new Block[config.Int("num_hidden_layers", 1, 1 << 12)];
        _windows = [.. Enumerable.Range(0, _blocks.Length).Select(form.Window)];
        _heads = new AttentionShape(0, 0, 0, heads, size) { KeyHeads = keyHeads };

        source.Root(Root);
        Words = source.Embedding("model.embed_tokens", VocabularySize, HiddenSize);
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new Block(config, source, k, form, _heads, HiddenSize, eps);
        }

        _norm = source.RmsNorm("model.norm", HiddenSize, eps, form.NormOffset);
    }

    /// <inheritdoc/>
    public override string Root => "model.";

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
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "lm_head.", "score.",
        .. from root in (string[])["model.", ""]
           from block in Enumerable.Range(0, _blocks.Length)
           select $"{root}layers.{block}.self_attn.rotary_emb.inv_freq",
    ];

    /// <inheritdoc/>
    public override PromptShape Prompts => new(
        HiddenSize, _blocks.Length, (int)_heads.Heads, (int)_heads.KeyHeads, (int)(_heads.KeyHeads * _heads.HeadSize));

    /// <inheritdoc/>
    public override bool ForgetsAt(long length) => _rotary.ForgetsAt(length);

    private protected sealed override Tensor Run(DecoderPass pass)
    {
        var hidden = pass.Embed(Words, _embeddingScale); // trained tokens are not scaled
        var angles = _rotary.Angles(pass.Positions(), pass.Length, pass.Keys, hidden.dtype);
        var masks = new Dictionary<long, AttentionMask>();
        for (var k = 0; k < _blocks.Length; k++)
        {
            if (!masks.TryGetValue(_windows[k], out var mask))
            {
                masks.Add(_windows[k], mask = pass.Causal(_windows[k]));
            }

            hidden = _blocks[k].Forward(hidden, pass, _rotary, angles, mask);
        }

        return _norm.Forward(hidden, pass.Context);
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly AttentionShape _heads; // counts and size of the heads
        private readonly long _queryWidth;
        private readonly long _keyWidth;
        private readonly long _inner;
        private readonly LinearLayer[] _queryKeyValue; // three, or one for all
        private readonly LinearLayer _output;
        private readonly LinearLayer[] _gateUp = [];   // two, or one for both; none where there are experts
        private readonly LinearLayer? _down;
        private readonly SparseFeedForward? _experts;
        private readonly RmsNormLayer _norm1;
        private readonly RmsNormLayer _norm2;
        private readonly RmsNormLayer? _queryNorm;
        private readonly RmsNormLayer? _keyNorm;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _attentionDropout;
        private readonly double _dropout;

        public Block(ModelConfig config, WeightSource source, int index, GatedDecoderForm form, AttentionShape heads, int hidden, double eps)
        {
            var path = $"model.layers.{index}";
            (_index, _heads, _inner) = (index, heads, config.Int("intermediate_size", 1, 1 << 20));
            (_queryWidth, _keyWidth) = (heads.Heads * heads.HeadSize, heads.KeyHeads * heads.HeadSize);
            _activation = Activation.Named(config.Text(form.ActivationKey, "silu"));
            _attentionDropout = config.Number("attention_dropout", 0, 0.99, 0);
            _dropout = config.Number("resid_pdrop", 0, 0.99, 0);

            _norm1 = source.RmsNorm($"{path}.input_layernorm", hidden, eps, form.NormOffset);
            _queryKeyValue = form.Fused
                ? [source.Linear($"{path}.self_attn.qkv_proj", hidden, _queryWidth + (2 * _keyWidth), form.QueryKeyValueBias)]
                :
                [
                    source.Linear($"{path}.self_attn.q_proj", hidden, _queryWidth, form.QueryKeyValueBias),
                    source.Linear($"{path}.self_attn.k_proj", hidden, _keyWidth, form.QueryKeyValueBias),
                    source.Linear($"{path}.self_attn.v_proj", hidden, _keyWidth, form.QueryKeyValueBias),
                ];
            if (form.HeadNorms)
            {
                _queryNorm = source.RmsNorm($"{path}.self_attn.q_norm", heads.HeadSize, eps);
                _keyNorm = source.RmsNorm($"{path}.self_attn.k_norm", heads.HeadSize, eps);
            }

            _output = source.Linear($"{path}.self_attn.o_proj", _queryWidth, hidden, form.OutputBias);
            _norm2 = source.RmsNorm($"{path}.post_attention_layernorm", hidden, eps, form.NormOffset);
            _experts = form.Experts?.Invoke(source, path, hidden);
            if (_experts is null)
            {
                _gateUp = form.Fused
                    ? [source.Linear($"{path}.mlp.gate_up_proj", hidden, 2 * _inner, form.FeedForwardBias)]
                    :
                    [
                        source.Linear($"{path}.mlp.gate_proj", hidden, _inner, form.FeedForwardBias),
                        source.Linear($"{path}.mlp.up_proj", hidden, _inner, form.FeedForwardBias),
                    ];
                _down = source.Linear($"{path}.mlp.down_proj", _inner, hidden, form.FeedForwardBias);
            }

            source.Blocks.Add(new(index, _output, _experts?.Down ?? (Layer)_down!, NormsAfter: false)
            {
                Heads = form.Fused
                    ? HeadMap.Fused(_queryKeyValue[0], _output, heads.Heads, heads.HeadSize, heads.KeyHeads)
                    : HeadMap.Of(_queryKeyValue[0], _queryKeyValue[1], _queryKeyValue[2], _output, heads.Heads, heads.HeadSize, heads.KeyHeads),
            });
        }

        public Tensor Forward(Tensor hidden, DecoderPass pass, RotaryEmbedding rotary, RotaryAngles angles, AttentionMask mask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var state = new BlockState { Rows = pass.Rows, Heads = _heads.Heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var parts = Parts(_queryKeyValue, normed, context, _queryWidth, _keyWidth, _keyWidth);
            var query = Turn(parts[0], _queryNorm, _heads.Heads);
            var key = Turn(parts[1], _keyNorm, _heads.KeyHeads);
            var attended = Attention.OverTokens(
                query, key, parts[2], pass.Shape(_heads.Heads, _heads.HeadSize, _heads.KeyHeads), mask, _attentionDropout, context, pass.Cache?.Own(_index),
                prefix: pass.Prefix(_index));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            var after = state with { Residual = hidden, Input = normed, Attention = new(query, KeysOf, _heads.KeyHeads, _output) };
            hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, after);

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var fed = context.Dropout(_experts?.Forward(normed, context) ?? Dense(normed, context), _dropout);
            return (hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed })).MoveToOuterDisposeScope();

            Tensor Turn(Tensor x, RmsNormLayer? norm, long count)
            {
                if (norm is not null)
                {
                    x = norm.Forward(x.reshape(pass.Rows * pass.Length * count, _heads.HeadSize), context).view(pass.Rows * pass.Length, -1);
                }

                return rotary.Apply(x, angles, pass.Rows, pass.Length, count, _heads.HeadSize);
            }
        }

        private Tensor Dense(Tensor x, ForwardContext context)
        {
            var gated = Parts(_gateUp, x, context, _inner, _inner);
            return _down!.Forward(_activation(gated[0]).mul(gated[1]), context);
        }

        private (Tensor Keys, Tensor Values) KeysOf(Tensor x, ForwardContext context)
        {
            var parts = Parts(_queryKeyValue, x, context, _queryWidth, _keyWidth, _keyWidth);
            return (parts[1], parts[2]);
        }

        // The outputs of several layers, or of one whose output is those of several side by side.
        private static Tensor[] Parts(LinearLayer[] layers, Tensor x, ForwardContext context, params long[] widths)
            => layers.Length == 1
                ? layers[0].Forward(x, context).split(widths, 1)
                : [.. layers.Select(layer => layer.Forward(x, context))];
    }
}

/// <summary>Where the decoders of the LLaMA line differ.</summary>
internal sealed record GatedDecoderForm
{
    /// <summary>Biases of the query, key and value layers.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Bias of the layer after the attention.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Biases of the feed-forward part.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Norms of each head's query and key.</summary>
    public bool HeadNorms { get; init; }

    /// <summary>One matrix for query, key and value, and one for gate and up.</summary>
    public bool Fused { get; init; }

    /// <summary>Added to the scales of the norms.</summary>
    public double NormOffset { get; init; }

    /// <summary>Multiplies the embeddings by √hidden.</summary>
    public bool ScalesEmbeddings { get; init; }

    /// <summary>Whether the output layer is the token table where config.json does not say.</summary>
    public bool TiedByDefault { get; init; }

    /// <summary>Features of a head where config.json does not say; null for hidden ÷ heads.</summary>
    public int? HeadSize { get; init; }

    /// <summary>The key of the activation's name in config.json.</summary>
    public string ActivationKey { get; init; } = "hidden_act";

    /// <summary>Makes the experts of a block at a path, for a hidden width; null for one dense feed-forward part.</summary>
    public Func<WeightSource, string, long, SparseFeedForward>? Experts { get; init; }

    /// <summary>Added to the mean square in norms where config.json does not say.</summary>
    public double Eps { get; init; } = 1e-6;

    /// <summary>Base of the rotary positions where config.json does not say.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>Count of tokens that each block's attention sees, 0 for all.</summary>
    public Func<int, long> Window { get; init; } = _ => 0;
}
