using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>One stage of <see cref="Swin"/>: blocks of one width, then patch merging, which makes one token of four.</summary>
internal sealed class SwinStage
{
    private readonly Block[] _blocks;
    private readonly LayerNormLayer? _mergeNorm;
    private readonly LinearLayer? _merge;
    private readonly int _width;
    private readonly int _heads;
    private readonly int _window;

    public SwinStage(
        ModelConfig config,
        WeightSource source,
        int stage,
        (int First, int Count, int All) blocks,
        (int Hidden, int Heads) width,
        bool last)
    {
        var path = $"swin.encoder.layers.{stage}";
        (_width, _heads) = width;
        _window = config.Int("window_size", 1, 1 << 10, 7);
        var dropPath = config.Number("drop_path_rate", 0, 0.99, 0.1);
        _blocks = new Block[blocks.Count];
        for (var k = 0; k < _blocks.Length; k++)
        {
            // The deeper a block, the more often it is left out.
            var place = blocks.First + k;
            var drop = blocks.All == 1 ? 0 : dropPath * place / (blocks.All - 1);
            _blocks[k] = new Block(config, source, $"{path}.blocks.{k}", place, width, k % 2 == 1, drop);
        }

        if (!last)
        {
            _mergeNorm = source.LayerNorm($"{path}.downsample.norm", 4 * _width, 1e-5);
            _merge = source.Linear($"{path}.downsample.reduction", 4 * _width, 2 * _width, bias: false);
        }
    }

    /// <summary>(rows·height·width, hidden) gives the same of the next stage.</summary>
    public (Tensor Hidden, SwinGrid Grid) Forward(Tensor hidden, SwinGrid grid, ForwardContext context)
    {
        var side = Math.Min(grid.Height, grid.Width);
        if (side < _window)
        {
            throw new ArgumentException(
                $"A picture is too small: it has {grid.Height} × {grid.Width} tokens where a window needs {_window} × {_window}.", nameof(grid));
        }

        // A grid that is one window high or wide does not move.
        var windows = new SwinWindows(grid, _window, _heads, side == _window ? 0 : _window / 2, hidden.device);
        foreach (var block in _blocks)
        {
            hidden = block.Forward(hidden, windows, context);
        }

        return _merge is null ? (hidden, grid) : Merge(hidden, grid, context);
    }

    private (Tensor Hidden, SwinGrid Grid) Merge(Tensor hidden, SwinGrid grid, ForwardContext context)
    {
        var next = new SwinGrid(grid.Rows, (grid.Height + 1) / 2, (grid.Width + 1) / 2);
        var x = hidden.view(grid.Rows, grid.Height, grid.Width, _width);
        if (grid.Height % 2 == 1 || grid.Width % 2 == 1)
        {
            x = nn.functional.pad(x, [0, 0, 0, grid.Width % 2, 0, grid.Height % 2]);
        }

        // (rows, height, 2, width, 2, hidden): the four of a token side by side, the column outside, the row inside.
        x = x.view(grid.Rows, next.Height, 2, next.Width, 2, _width).permute(0, 1, 3, 4, 2, 5).reshape(-1, 4 * _width);
        return (_merge!.Forward(_mergeNorm!.Forward(x, context), context), next);
    }

    private sealed class Block
    {
        private readonly int _index;
        private readonly int _hidden;
        private readonly int _heads;
        private readonly bool _shifted;
        private readonly LayerNormLayer _norm1;
        private readonly LinearLayer _query;
        private readonly LinearLayer _key;
        private readonly LinearLayer _value;
        private readonly LinearLayer _output;
        private readonly Tensor _bias; // ((2·window − 1)², heads)
        private readonly LayerNormLayer _norm2;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _dropout;
        private readonly double _attentionDropout;
        private readonly double _dropPath;

        public Block(
            ModelConfig config,
            WeightSource source,
            string path,
            int index,
            (int Hidden, int Heads) width,
            bool shifted,
            double dropPath)
        {
            var (hidden, heads) = width;
            var eps = config.Number("layer_norm_eps", 0, 1, 1e-5);
            var bias = config.Flag("qkv_bias", true);
            var inner = (int)(hidden * config.Number("mlp_ratio", 0.01, 64, 4));
            (_index, _hidden, _heads, _shifted, _dropPath) = (index, hidden, heads, shifted, dropPath);
            _norm1 = source.LayerNorm($"{path}.layernorm_before", hidden, eps);
            var table = $"{path}.attention.self";
            var configured = config.Int("window_size", 1, 1 << 10, 7);
            _query = source.Linear($"{table}.query", hidden, hidden, bias);
            _key = source.Linear($"{table}.key", hidden, hidden, bias);
            _value = source.Linear($"{table}.value", hidden, hidden, bias);
            _bias = source.Parameters(
                table, ("relative_position_bias_table", [((2 * configured) - 1) * ((2 * configured) - 1), heads]))["relative_position_bias_table"];
            source.Ignore($"{table}.relative_position_index"); // older checkpoints keep it
            _output = source.Linear($"{path}.attention.output.dense", hidden, hidden);
            _norm2 = source.LayerNorm($"{path}.layernorm_after", hidden, eps);
            _up = source.Linear($"{path}.intermediate.dense", hidden, inner);
            _down = source.Linear($"{path}.output.dense", inner, hidden);
            source.Blocks.Add(new(index, _output, _down, NormsAfter: false) { Heads = HeadMap.Of(_query, _key, _value, _output, heads, hidden / heads) });
            _activation = Activation.Named(config.Text("hidden_act", "gelu"));
            _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0);
            _attentionDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0);
        }

        public Tensor Forward(Tensor hidden, SwinWindows windows, ForwardContext context)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var grid = windows.Grid;
            var state = new BlockState { Rows = grid.Rows, Heads = _heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _norm1.Forward(hidden, context), state);
            var inside = windows.Cut(normed, _hidden, _shifted);
            var attended = Attention.Forward(
                _query.Forward(inside, context),
                _key.Forward(inside, context),
                _value.Forward(inside, context),
                new AttentionShape(windows.Count, windows.Tokens, windows.Tokens, _heads, _hidden / _heads),
                windows.Mask(_bias, _shifted),
                _attentionDropout,
                context,
                maskGroups: windows.MaskGroups(_shifted));
            attended = context.At(BlockPoint.AttentionHeads, _index, attended, state with { Rows = windows.Count });
            attended = context.Dropout(_output.Forward(attended, context), _dropout);
            attended = windows.Join(attended, _hidden, _shifted);
            attended = context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = normed });
            hidden += context.DropRows(attended, grid.Rows, _dropPath);

            normed = context.At(BlockPoint.AfterNorm2, _index, _norm2.Forward(hidden, context), state);
            var fed = context.Dropout(_down.Forward(_activation(_up.Forward(normed, context)), context), _dropout);
            return (hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed })).MoveToOuterDisposeScope();
        }
    }
}
