using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>DINOv2: a vision transformer whose blocks scale what they add, <c>h ← h + λ₁·Attention(LN(h))</c>.</summary>
/// <remarks>
/// <para>Classifiers see the class token beside the mean of the patches, after the last norm. Pictures of another size get
/// interpolated positions.</para>
/// <para>Source: Oquab et al. 2023, arXiv:2304.07193.</para>
/// </remarks>
[Architecture("dinov2")]
public sealed class Dinov2 : VisionEncoder
{
    private readonly ParameterLayer _embeddings;
    private readonly PatchLayer _patches;
    private readonly Block[] _blocks;
    private readonly LayerNormLayer _norm;
    private readonly (int Height, int Width) _patch;
    private readonly (long Rows, long Columns) _grid;
    private readonly double _dropout;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Dinov2(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        HiddenSize = config.Int("hidden_size", 1, 1 << 16, 768);
        var heads = config.Int("num_attention_heads", 1, 1 << 10, 12);
        if (HiddenSize % heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        var eps = config.Number("layer_norm_eps", 0, 1, 1e-6);
        _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0);
        _patch = config.Size("patch_size", 1 << 12, 14);
        _grid = (ImageSize.Height / _patch.Height, ImageSize.Width / _patch.Width);
        source.Root(Root);
        _embeddings = source.Parameters(
            "dinov2.embeddings", ("cls_token", [1, 1, HiddenSize]), ("position_embeddings", [1, (_grid.Rows * _grid.Columns) + 1, HiddenSize]));
        _patches = source.Patches("dinov2.embeddings.patch_embeddings.projection", Channels, HiddenSize, _patch, _patch);
        _blocks = new Block[config.Int("num_hidden_layers", 1, 1 << 12, 12)];
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new Block(config, source, k, HiddenSize, heads, eps);
        }

        _norm = source.LayerNorm("dinov2.layernorm", HiddenSize, eps);
    }

    /// <inheritdoc/>
    public override string Root => "dinov2.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int FeatureSize => 2 * HiddenSize;

    /// <inheritdoc/>
    public override PatchPromptShape PatchPrompts => new(HiddenSize, _blocks.Length, _patch.Height * _patch.Width);

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["query", "value"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["classifier.", "dinov2.embeddings.mask_token", "embeddings.mask_token"];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor pixels, ForwardContext context) => Encode(pixels, context).Hidden;

    /// <inheritdoc/>
    public override Tensor Features(Tensor pixels, ForwardContext context)
    {
        var (hidden, rows, length) = Encode(pixels, context);
        hidden = hidden.view(rows, length, HiddenSize);
        var patches = 1 + context.PatchPromptLength; // the first of them: the mean is over patches alone
        return cat([hidden.select(1, 0), hidden.narrow(1, patches, length - patches).mean([1])], 1);
    }

    private (Tensor Hidden, long Rows, long Length) Encode(Tensor pixels, ForwardContext context)
    {
        var (rows, height, width) = Check(pixels, _patch);
        var grid = _patches.Grid(height, width);
        var length = (grid.Rows * grid.Columns) + 1;
        var positions = _embeddings["position_embeddings"].squeeze(0);
        var patches = _patches.Forward(pixels, context).view(rows, -1, HiddenSize)
            + PositionGrid.Resize(positions.narrow(0, 1, _grid.Rows * _grid.Columns), _grid, grid);
        var first = (_embeddings["cls_token"] + positions.narrow(0, 0, 1)).expand(rows, 1, HiddenSize);
        var hidden = context.Dropout(cat([first, patches], 1), _dropout).view(rows * length, HiddenSize);
        length += context.PatchPromptLength;
        for (var k = 0; k < _blocks.Length; k++)
        {
            hidden = _blocks[k].Forward(context.PatchPrompts(hidden, k, rows, specials: 1), rows, length, context);
        }

        return (_norm.Forward(hidden, context), rows, length);
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly int _heads;
        private readonly int _hidden;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer _query;
        private readonly LinearLayer _key;
        private readonly LinearLayer _value;
        private readonly LinearLayer _output;
        private readonly ParameterLayer _scale1;
        private readonly LayerNormLayer _norm2;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly ParameterLayer _scale2;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _dropout;
        private readonly double _attentionDropout;
        private readonly double _dropPath;

        public Block(ModelConfig config, WeightSource source, int index, int hidden, int heads, double eps)
        {
            var path = $"dinov2.encoder.layer.{index}";
            var bias = config.Flag("qkv_bias", true);
            var gated = config.Flag("use_swiglu_ffn", false);
            var inner = (int)(hidden * config.Number("mlp_ratio", 0.01, 64, 4));
            (_index, _heads, _hidden) = (index, heads, hidden);
            _norm1 = source.LayerNorm($"{path}.norm1", hidden, eps);
            _query = source.Linear($"{path}.attention.attention.query", hidden, hidden, bias);
            _key = source.Linear($"{path}.attention.attention.key", hidden, hidden, bias);
            _value = source.Linear($"{path}.attention.attention.value", hidden, hidden, bias);
            _output = source.Linear($"{path}.attention.output.dense", hidden, hidden);
            _scale1 = source.Parameters($"{path}.layer_scale1", ("lambda1", [hidden]));
            _norm2 = source.LayerNorm($"{path}.norm2", hidden, eps);
            if (gated)
            {
                inner = ((int)(inner * 2 / 3.0) + 7) / 8 * 8;
                _up = source.Linear($"{path}.mlp.weights_in", hidden, 2 * inner);
                _down = source.Linear($"{path}.mlp.weights_out", inner, hidden);
                _activation = x => nn.functional.silu(x.narrow(1, 0, inner)) * x.narrow(1, inner, inner);
            }
            else
            {
                _up = source.Linear($"{path}.mlp.fc1", hidden, inner);
                _down = source.Linear($"{path}.mlp.fc2", inner, hidden);
                _activation = Activation.Named(config.Text("hidden_act", "gelu"));
            }

            _scale2 = source.Parameters($"{path}.layer_scale2", ("lambda1", [hidden]));
            source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Of(_query, _key, _value, _output, heads, hidden / heads) });
            _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0);
            _attentionDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0);
            _dropPath = config.Number("drop_path_rate", 0, 0.99, 0);
        }

        public Tensor Forward(Tensor hidden, long rows, long length, ForwardContext context)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var state = new BlockState { Rows = rows, Heads = _heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var attended = Attention.Forward(
                _query.Forward(normed, context),
                _key.Forward(normed, context),
                _value.Forward(normed, context),
                new AttentionShape(rows, length, length, _heads, _hidden / _heads),
                null,
                _attentionDropout,
                context);
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state);
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            attended = context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = normed }) * _scale1["lambda1"];
            hidden += context.DropRows(attended, rows, _dropPath);

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var fed = _down.Forward(_activation(_up.Forward(normed, context)), context);
            fed = context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed }) * _scale2["lambda1"];
            return (hidden + context.DropRows(fed, rows, _dropPath)).MoveToOuterDisposeScope();
        }
    }
}
