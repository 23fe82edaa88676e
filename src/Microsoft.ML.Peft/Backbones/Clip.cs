using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>CLIP: a causal transformer over texts and a transformer over picture patches, each with a projection.</summary>
/// <remarks>
/// <para>A text is its hidden state at the end token, a picture the one at the class token, both after the last norm.</para>
/// <para>Source: Radford et al. 2021, arXiv:2103.00020.</para>
/// </remarks>
[Architecture("clip")]
public sealed class Clip : ImageTextEncoder
{
    private static readonly BlockNames s_names = new(
        "layer_norm1", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "layer_norm2", "mlp.fc1", "mlp.fc2");

    private readonly TextTower _text;
    private readonly VisionTower _vision;
    private readonly LinearLayer _textProjection;
    private readonly LinearLayer _visualProjection;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Clip(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        ProjectionSize = config.Int("projection_dim", 1, 1 << 16, 512);
        _text = new TextTower(Section("text_config"), source);
        _vision = new VisionTower(Section("vision_config"), source, _text.BlockCount);
        _visualProjection = source.Linear("visual_projection", _vision.Hidden, ProjectionSize, bias: false);
        _textProjection = source.Linear("text_projection", _text.Hidden, ProjectionSize, bias: false);
        LogitScale = source.Parameters("", ("logit_scale", []))["logit_scale"];

        ModelConfig Section(string key) => config.Section(key) ?? ModelConfig.Parse("{}", key); // then every size has its default
    }

    /// <inheritdoc/>
    public override string Root => "";

    /// <inheritdoc/>
    public override int HiddenSize => _text.Hidden;

    /// <inheritdoc/>
    public override int ProjectionSize { get; }

    /// <inheritdoc/>
    public override int MaxLength => _text.MaxLength;

    /// <inheritdoc/>
    public override int VocabularySize => _text.VocabularySize;

    /// <inheritdoc/>
    public override Tensor LogitScale { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"];

    /// <inheritdoc/>
    public override Tensor EncodeTexts(TokenBatch texts, ForwardContext context)
        => _textProjection.Forward(_text.Forward(texts, context), context);

    /// <inheritdoc/>
    public override Tensor EncodeImages(Tensor pixels, ForwardContext context)
        => _visualProjection.Forward(_vision.Forward(pixels, context), context);

    private static BlockForm Form(ModelConfig config, int hidden, int inner, int heads)
    {
        hidden = config.Int("hidden_size", 1, 1 << 16, hidden);
        heads = config.Int("num_attention_heads", 1, 1 << 10, heads);
        return hidden % heads != 0
            ? throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {hidden}")
            : new BlockForm(
                s_names,
                hidden,
                config.Int("intermediate_size", 1, 1 << 20, inner),
                heads,
                config.Number("layer_norm_eps", 0, 1, 1e-5),
                Activation.Named(config.Text("hidden_act", "quick_gelu")))
            {
                AttentionDropout = config.Number("attention_dropout", 0, 0.99, 0),
            };
    }

    private sealed class TextTower
    {
        private readonly BlockForm _form;
        private readonly EmbeddingLayer _words;
        private readonly EmbeddingLayer _positions;
        private readonly PreNormBlock[] _blocks;
        private readonly LayerNormLayer _norm;
        private readonly long _end;

        public TextTower(ModelConfig config, WeightSource source)
        {
            _form = Form(config, 512, 2048, 8);
            MaxLength = config.Int("max_position_embeddings", 1, 1 << 16, 77);
            VocabularySize = config.Int("vocab_size", 1, 1 << 22, 49408);
            _end = config.Int("eos_token_id", 0, 1 << 22, 49407);
            _words = source.Embedding("text_model.embeddings.token_embedding", VocabularySize, Hidden);
            _positions = source.Embedding("text_model.embeddings.position_embedding", MaxLength, Hidden);
            _blocks = new PreNormBlock[config.Int("num_hidden_layers", 1, 1 << 12, 12)];
            for (var k = 0; k < _blocks.Length; k++)
            {
                _blocks[k] = new PreNormBlock(source, $"text_model.encoder.layers.{k}", k, _form);
            }

            _norm = source.LayerNorm("text_model.final_layer_norm", Hidden, _form.Eps);
        }

        public int Hidden => _form.Hidden;

        public int BlockCount => _blocks.Length;

        public int MaxLength { get; }

        public int VocabularySize { get; }

        public Tensor Forward(TokenBatch batch, ForwardContext context)
        {
            var (rows, length) = (batch.Rows, batch.Length);
            if (length > MaxLength)
            {
                throw new ArgumentException($"A text has {length} tokens; this model takes up to {MaxLength}.", nameof(batch));
            }

            var hidden = (_words.Forward(batch.Ids, context).view(rows, length, -1) + _positions.Weight.narrow(0, 0, length)).view(rows * length, -1);
            var mask = Attention.CausalMask(batch.Mask, rows, length, _form.Heads, batch.Ids.device);
            foreach (var block in _blocks)
            {
                hidden = block.Forward(hidden, rows, length, length, mask, context);
            }

            // Only one token of each row is asked for, and the norm sees each token on its own.
            return _norm.Forward(hidden.index_select(0, EndTokens(batch)), context);
        }

        // Places of the first end token of each row, or of its first token where it has none. The first models were published with an
        // end token of 2, which their texts do not hold: there it is the highest id.
        private Tensor EndTokens(TokenBatch batch)
        {
            var ids = batch.Ids.view(batch.Rows, batch.Length);
            var found = _end == 2 ? ids : ids.eq(_end).to(ScalarType.Int64);
            var order = arange(batch.Length, 0, -1, ScalarType.Int64, device: ids.device); // ties: the first place wins
            return found.mul(batch.Length + 1).add(order).argmax(1)
                + arange(0, batch.Rows * batch.Length, batch.Length, ScalarType.Int64, device: ids.device);
        }
    }

    private sealed class VisionTower
    {
        private readonly BlockForm _form;
        private readonly int _channels;
        private readonly (int Height, int Width) _patch;
        private readonly (long Rows, long Columns) _grid;
        private readonly ParameterLayer _class;
        private readonly PatchLayer _patches;
        private readonly EmbeddingLayer _positions;
        private readonly LayerNormLayer _before;
        private readonly PreNormBlock[] _blocks;
        private readonly LayerNormLayer _after;

        // Blocks are numbered on from those of the other tower, so that an adapter of a block is at one place.
        public VisionTower(ModelConfig config, WeightSource source, int firstBlock)
        {
            _form = Form(config, 768, 3072, 12);
            _channels = config.Int("num_channels", 1, 64, 3);
            _patch = config.Size("patch_size", 1 << 12, 32);
            var (height, width) = config.Size("image_size", 1 << 14, 224);
            _grid = (height / _patch.Height, width / _patch.Width);
            _class = source.Parameters("vision_model.embeddings", ("class_embedding", [Hidden]));
            _patches = source.Patches("vision_model.embeddings.patch_embedding", _channels, Hidden, _patch, _patch, bias: false);
            _positions = source.Embedding("vision_model.embeddings.position_embedding", (_grid.Rows * _grid.Columns) + 1, Hidden);
            _before = source.LayerNorm("vision_model.pre_layrnorm", Hidden, _form.Eps);
            _blocks = new PreNormBlock[config.Int("num_hidden_layers", 1, 1 << 12, 12)];
            for (var k = 0; k < _blocks.Length; k++)
            {
                _blocks[k] = new PreNormBlock(source, $"vision_model.encoder.layers.{k}", firstBlock + k, _form);
            }

            _after = source.LayerNorm("vision_model.post_layernorm", Hidden, _form.Eps);
        }

        public int Hidden => _form.Hidden;

        public Tensor Forward(Tensor pixels, ForwardContext context)
        {
            var (rows, height, width) = VisionEncoder.CheckPixels(pixels, _channels, _patch);
            var grid = _patches.Grid(height, width);
            var length = (grid.Rows * grid.Columns) + 1;
            var positions = _positions.Weight;
            var patches = _patches.Forward(pixels, context).view(rows, -1, Hidden)
                + PositionGrid.Resize(positions.narrow(0, 1, _grid.Rows * _grid.Columns), _grid, grid);
            var first = (_class["class_embedding"] + positions.narrow(0, 0, 1)).expand(rows, 1, Hidden);
            var hidden = _before.Forward(cat([first, patches], 1).view(rows * length, Hidden), context);
            var whole = context.ReadsEveryToken;
            for (var k = 0; k < _blocks.Length; k++)
            {
                var queries = k == _blocks.Length - 1 && !whole ? 1 : length; // of the last block only the class token is asked for
                hidden = _blocks[k].Forward(hidden, rows, queries, length, null, context);
            }

            return _after.Forward(whole ? Attention.FirstTokens(hidden, rows, 1, length) : hidden, context);
        }
    }
}
