using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>T5, Flan-T5 and mT5: an encoder-decoder with root-mean-square norms and a learned bias for each distance of tokens.</summary>
/// <remarks>
/// <para>Attention scores are q·k + b(distance), without 1/√d; the biases of the first block serve all blocks.</para>
/// <para>Sources: Raffel et al. 2019, arXiv:1910.10683; Flan-T5: Chung et al. 2022, arXiv:2210.11416.</para>
/// </remarks>
[Architecture("t5")]
[Architecture("mt5")]
public sealed class T5 : EncoderDecoder
{
    private readonly T5Stack _encoder;
    private readonly T5Stack _decoder;
    private readonly EmbeddingLayer _words;
    private readonly LinearLayer _output;
    private readonly double _scale;
    private readonly double _dropout;
    private readonly (int Encoder, int Decoder) _blocks;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public T5(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        var first = config.ModelType == "t5"; // what config.json may leave out differs
        HiddenSize = config.Int("d_model", 1, 1 << 16);
        var tied = config.Flag("tie_word_embeddings", first);
        _scale = config.Flag("scale_decoder_outputs", tied) ? 1 / Math.Sqrt(HiddenSize) : 1;
        _dropout = config.Number("dropout_rate", 0, 0.99, 0.1);

        var layers = config.Int("num_layers", 1, 1 << 12);
        var feedForward = config.Text("feed_forward_proj", first ? "relu" : "gated-gelu");
        _blocks = (layers, config.Int("num_decoder_layers", 1, 1 << 12, layers));
        _words = source.Embedding("shared", VocabularySize, HiddenSize);
        _encoder = new T5Stack(config, source, "encoder", layers, 0, HiddenSize, feedForward);
        _decoder = new T5Stack(config, source, "decoder", _blocks.Decoder, layers, HiddenSize, feedForward);
        _output = tied && !source.Has("lm_head.weight") ? source.Tied("lm_head", _words) : source.Untied("lm_head", HiddenSize, VocabularySize);
    }

    /// <summary>Nothing stands before the names of the base model.</summary>
    public override string Root => "";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <summary>There is no table of positions, so this is only what fits into memory.</summary>
    public override int MaxTargetLength => 1 << 20;

    /// <inheritdoc/>
    public override EmbeddingLayer InputEmbedding => _words;

    /// <summary>Keys can be trained where encoder and decoder have equally many blocks: HF PEFT counts those of the encoder.</summary>
    public override PromptShape Prompts
    {
        get
        {
            var heads = Config.Int("num_heads", 1, 1 << 10);
            return new(HiddenSize, _blocks.Encoder, heads, _blocks.Encoder == _blocks.Decoder ? heads : 0, heads * Config.Int("d_kv", 1, 1 << 12)) { Submodules = 2 };
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q", "v"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "lm_head.", "encoder.embed_tokens.", "decoder.embed_tokens.",
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.", // of the first checkpoints; never used
    ];

    /// <inheritdoc/>
    public override EncodedSource Encode(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens ?? throw new ArgumentException("This model needs tokens, which the batch has not.", nameof(inputs));
        tokens = context.WithPrompts(tokens);
        var hidden = context.Dropout(context.Embed(_words, tokens), _dropout);
        return new EncodedSource(_encoder.Encode(hidden, tokens, context), tokens.Rows, tokens.Length, tokens.Mask);
    }

    /// <inheritdoc/>
    public override Tensor Decode(TokenBatch target, EncodedSource source, ForwardContext context, KeyValueCache? cache = null)
    {
        Check(target, source, cache);
        var pass = new DecoderPass(target, context, cache, ofPair: true);
        var hidden = _decoder.Decode(context.Dropout(pass.Embed(_words), _dropout), pass, source);
        pass.Finish();
        return hidden;
    }

    /// <inheritdoc/>
    public override Tensor Scores(Tensor hidden, ForwardContext context) => _output.Forward(_scale == 1 ? hidden : hidden.mul(_scale), context);
}
