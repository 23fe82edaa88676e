using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Whisper: a transformer over a log-mel spectrogram and a decoder that writes what is said.</summary>
/// <remarks>
/// <para>Both have pre-norm blocks; keys have no bias; the output layer shares the token table.</para>
/// <para>Source: Radford et al. 2022, arXiv:2212.04356.</para>
/// </remarks>
[Architecture("whisper")]
public sealed class Whisper : EncoderDecoder
{
    private static readonly BlockNames s_names = new(
        "self_attn_layer_norm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "final_layer_norm", "fc1", "fc2");

    private readonly Conv1dLayer _convolution1;
    private readonly Conv1dLayer _convolution2;
    private readonly EmbeddingLayer _sourcePositions;
    private readonly PreNormBlock[] _encoder;
    private readonly LayerNormLayer _encoderNorm;
    private readonly EmbeddingLayer _words;
    private readonly EmbeddingLayer _targetPositions;
    private readonly DecoderBlock[] _decoder;
    private readonly LayerNormLayer _decoderNorm;
    private readonly LinearLayer _output;
    private readonly int _melBins;
    private readonly int _sourceLength;
    private readonly double _dropout;
    private readonly double _encoderDrop;
    private readonly double _decoderDrop;
    private readonly double _wordScale;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Whisper(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("d_model", 1, 1 << 16);
        MaxTargetLength = config.Int("max_target_positions", 1, 1 << 20, 448);
        _sourceLength = config.Int("max_source_positions", 1, 1 << 20, 1500);
        _melBins = config.Int("num_mel_bins", 1, 1 << 12, 80);
        _dropout = config.Number("dropout", 0, 0.99, 0);
        _encoderDrop = config.Number("encoder_layerdrop", 0, 1, 0);
        _decoderDrop = config.Number("decoder_layerdrop", 0, 1, 0);
        _wordScale = config.Flag("scale_embedding", false) ? Math.Sqrt(HiddenSize) : 1;
        if (!config.Flag("tie_word_embeddings", true))
        {
            throw config.Wrong("tie_word_embeddings", "true, the only kind that is supported");
        }

        if (config.Flag("apply_spec_augment", false))
        {
            throw config.Wrong("apply_spec_augment", "false, the only kind that is supported");
        }

        source.Root(Root);
        _convolution1 = source.Conv1d("model.encoder.conv1", _melBins, HiddenSize, new ConvShape(3, 1, 1));
        _convolution2 = source.Conv1d("model.encoder.conv2", HiddenSize, HiddenSize, new ConvShape(3, 2, 1));
        _sourcePositions = source.Embedding("model.encoder.embed_positions", _sourceLength, HiddenSize);
        var form = Form("encoder_ffn_dim", Heads("encoder_attention_heads"));
        _encoder = new PreNormBlock[config.Int("encoder_layers", 1, 1 << 12)];
        for (var k = 0; k < _encoder.Length; k++)
        {
            _encoder[k] = new PreNormBlock(source, $"model.encoder.layers.{k}", k, form);
        }

        _encoderNorm = source.LayerNorm("model.encoder.layer_norm", HiddenSize, form.Eps);
        _words = source.Embedding("model.decoder.embed_tokens", VocabularySize, HiddenSize);
        _targetPositions = source.Embedding("model.decoder.embed_positions", MaxTargetLength, HiddenSize);
        form = Form("decoder_ffn_dim", Heads("decoder_attention_heads"));
        _decoder = new DecoderBlock[config.Int("decoder_layers", 1, 1 << 12)];
        for (var k = 0; k < _decoder.Length; k++)
        {
            _decoder[k] = new DecoderBlock(source, $"model.decoder.layers.{k}", _encoder.Length + k, form);
        }

        _decoderNorm = source.LayerNorm("model.decoder.layer_norm", HiddenSize, form.Eps);
        _output = source.Tied("proj_out", _words);

        int Heads(string key)
        {
            var heads = config.Int(key, 1, 1 << 10);
            return HiddenSize % heads == 0 ? heads : throw config.Wrong(key, $"a divisor of d_model, which is {HiddenSize}");
        }

        BlockForm Form(string inner, int heads) => new(
            s_names, HiddenSize, config.Int(inner, 1, 1 << 20), heads, 1e-5, Activation.Named(config.Text("activation_function", "gelu")))
        {
            KeyBias = false,
            Dropout = _dropout,
            AttentionDropout = config.Number("attention_dropout", 0, 0.99, 0),
            InnerDropout = config.Number("activation_dropout", 0, 0.99, 0),
        };
    }

    /// <inheritdoc/>
    public override string Root => "model.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int MaxTargetLength { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["proj_out."];

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The spectrogram is not (batch, mel bins, twice the source positions).</exception>
    public override EncodedSource Encode(ModelInputs inputs, ForwardContext context)
    {
        var features = inputs.Values ?? throw new ArgumentException("This model needs a spectrogram, which the batch has not.", nameof(inputs));
        var shape = features.shape;
        if (shape.Length != 3 || shape[1] != _melBins || shape[2] != 2 * _sourceLength)
        {
            throw new ArgumentException(
                $"The spectrogram has the shape ({string.Join(", ", shape)}); this model needs (batch, {_melBins}, {2 * _sourceLength}): "
                + "recordings are padded or cut to that length.",
                nameof(inputs));
        }

        var rows = shape[0];
        var x = Activation.Gelu(_convolution2.Forward(Activation.Gelu(_convolution1.Forward(features, context)), context));
        var hidden = (x.transpose(1, 2) + _sourcePositions.Weight).reshape(rows * _sourceLength, HiddenSize);
        hidden = context.Dropout(hidden, _dropout);
        foreach (var block in _encoder)
        {
            if (!context.Chance(_encoderDrop))
            {
                hidden = block.Forward(hidden, rows, _sourceLength, _sourceLength, null, context);
            }
        }

        return new EncodedSource(_encoderNorm.Forward(hidden, context), rows, _sourceLength, null);
    }

    /// <inheritdoc/>
    public override Tensor Decode(TokenBatch target, EncodedSource source, ForwardContext context, KeyValueCache? cache = null)
    {
        Check(target, source, cache);
        var pass = new DecoderPass(target, context, cache);
        var (rows, length) = (target.Rows, target.Length);
        var words = _words.Forward(target.Ids, context).view(rows, length, HiddenSize);
        var hidden = ((_wordScale == 1 ? words : words * _wordScale) + _targetPositions.Forward(pass.Positions(), context).view(-1, length, HiddenSize))
            .view(rows * length, HiddenSize);
        hidden = context.Dropout(hidden, _dropout);
        var (own, cross) = (pass.Causal(), new AttentionMask(0, length, causal: false, pass.Device));
        for (var k = 0; k < _decoder.Length; k++)
        {
            if (!context.Chance(_decoderDrop))
            {
                hidden = _decoder[k].Forward(hidden, pass, own, source, cross, cache?.Own(k), cache?.Cross(k));
            }
        }

        pass.Finish();
        return _decoderNorm.Forward(hidden, context);
    }

    /// <inheritdoc/>
    public override Tensor Scores(Tensor hidden, ForwardContext context) => _output.Forward(hidden, context);

    private sealed class DecoderBlock
    {
        private readonly int _index;
        private readonly BlockForm _form;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer[] _self;
        private readonly LayerNormLayer _crossNorm;
        private readonly LinearLayer[] _cross;
        private readonly LayerNormLayer _norm2;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;

        public DecoderBlock(WeightSource source, string path, int index, BlockForm form)
        {
            var hidden = form.Hidden;
            (_index, _form) = (index, form);
            _norm1 = source.LayerNorm($"{path}.self_attn_layer_norm", hidden, form.Eps);
            _self = Projections("self_attn");
            _crossNorm = source.LayerNorm($"{path}.encoder_attn_layer_norm", hidden, form.Eps);
            _cross = Projections("encoder_attn");
            _norm2 = source.LayerNorm($"{path}.final_layer_norm", hidden, form.Eps);
            _up = source.Linear($"{path}.fc1", hidden, form.Inner);
            _down = source.Linear($"{path}.fc2", form.Inner, hidden);
            source.Blocks.Add(new(index, _self[3], _down, NormsAfter: false)
            {
                Heads = HeadMap.Of(_self[0], _self[1], _self[2], _self[3], form.Heads, hidden / form.Heads),
            });

            LinearLayer[] Projections(string name) =>
            [
                source.Linear($"{path}.{name}.q_proj", hidden, hidden),
                source.Linear($"{path}.{name}.k_proj", hidden, hidden, bias: false),
                source.Linear($"{path}.{name}.v_proj", hidden, hidden),
                source.Linear($"{path}.{name}.out_proj", hidden, hidden),
            ];
        }

        public Tensor Forward(
            Tensor hidden,
            DecoderPass pass,
            AttentionMask own,
            EncodedSource source,
            AttentionMask cross,
            KeyValueStore? ownStore,
            KeyValueStore? crossStore)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var (heads, size) = (_form.Heads, _form.Hidden / _form.Heads);
            var state = new BlockState { Rows = pass.Rows, Heads = heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var attended = Attention.OverTokens(
                _self[0].Forward(normed, context),
                _self[1].Forward(normed, context),
                _self[2].Forward(normed, context),
                pass.Shape(heads, size),
                own,
                _form.AttentionDropout,
                context,
                ownStore);
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_self[3].Forward(attended, context), _form.Dropout);
            hidden += context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = normed });

            normed = _crossNorm.Forward(hidden, context);
            attended = Attention.OverSource(
                _cross[0].Forward(normed, context),
                _cross[1],
                _cross[2],
                source,
                new AttentionShape(pass.Rows, pass.Length, source.Length, heads, size),
                cross,
                _form.AttentionDropout,
                context,
                crossStore);
            hidden += context.Dropout(_cross[3].Forward(attended, context), _form.Dropout);

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var inner = context.Dropout(_form.Activation(_up.Forward(normed, context)), _form.InnerDropout);
            var fed = context.Dropout(_down.Forward(inner, context), _form.Dropout);
            return (hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed })).MoveToOuterDisposeScope();
        }
    }
}
