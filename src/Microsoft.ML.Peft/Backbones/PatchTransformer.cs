using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The transformer over patches that ViT, DeiT and AST are: special tokens and patches, positions, pre-norm blocks, a norm.</summary>
internal sealed class PatchTransformer
{
    private static readonly BlockNames s_names = new(
        "layernorm_before",
        "attention.attention.query",
        "attention.attention.key",
        "attention.attention.value",
        "attention.output.dense",
        "layernorm_after",
        "intermediate.dense",
        "output.dense");

    private readonly ParameterLayer _embeddings;
    private readonly PatchLayer _patches;
    private readonly PreNormBlock[] _blocks;
    private readonly LayerNormLayer _norm;
    private readonly (long Rows, long Columns) _grid;
    private readonly int _specials;
    private readonly double _dropout;

    /// <summary>Builds the layers below <paramref name="root"/>.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="source">The checkpoint.</param>
    /// <param name="root">Prefix of the names, with its dot.</param>
    /// <param name="distilled">Whether a distillation token follows the class token.</param>
    /// <param name="picture">Channels, height and width of what it was trained on.</param>
    /// <param name="stride">From patch to patch.</param>
    public PatchTransformer(
        ModelConfig config,
        WeightSource source,
        string root,
        bool distilled,
        (long Channels, long Height, long Width) picture,
        Func<(int Height, int Width), (int Height, int Width)> stride)
    {
        Hidden = config.Int("hidden_size", 1, 1 << 16, 768);
        var heads = config.Int("num_attention_heads", 1, 1 << 10, 12);
        if (Hidden % heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {Hidden}");
        }

        var eps = config.Number("layer_norm_eps", 0, 1, 1e-12);
        var bias = config.Flag("qkv_bias", true);
        _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0);
        _specials = distilled ? 2 : 1;
        Patch = config.Size("patch_size", 1 << 12, 16);
        if (Patch.Height > picture.Height || Patch.Width > picture.Width)
        {
            throw config.Wrong("patch_size", $"at most the size of the input, which is {picture.Height} × {picture.Width}");
        }

        var step = stride(Patch);
        _grid = (((picture.Height - Patch.Height) / step.Height) + 1, ((picture.Width - Patch.Width) / step.Width) + 1);
        var positions = (_grid.Rows * _grid.Columns) + _specials;
        source.Root(root);
        _embeddings = distilled
            ? source.Parameters(
                $"{root}embeddings",
                ("cls_token", [1, 1, Hidden]),
                ("distillation_token", [1, 1, Hidden]),
                ("position_embeddings", [1, positions, Hidden]))
            : source.Parameters($"{root}embeddings", ("cls_token", [1, 1, Hidden]), ("position_embeddings", [1, positions, Hidden]));
        _patches = source.Patches($"{root}embeddings.patch_embeddings.projection", picture.Channels, Hidden, Patch, step);
        var form = new BlockForm(
            s_names, Hidden, config.Int("intermediate_size", 1, 1 << 20, 3072), heads, eps, Activation.Named(config.Text("hidden_act", "gelu")))
        {
            QueryBias = bias,
            KeyBias = bias,
            Dropout = _dropout,
            AttentionDropout = config.Number("attention_probs_dropout_prob", 0, 0.99, 0),
        };
        _blocks = new PreNormBlock[config.Int("num_hidden_layers", 1, 1 << 12, 12)];
        var pruned = PrunedHeads.Of(config, _blocks.Length, heads);
        for (var k = 0; k < _blocks.Length; k++)
        {
            _blocks[k] = new PreNormBlock(source, $"{root}encoder.layer.{k}", k, form with { Heads = pruned.LeftIn(k), HeadSize = form.HeadSize });
        }

        _norm = source.LayerNorm($"{root}layernorm", Hidden, eps);
    }

    /// <summary>The newer names of the blocks' modules.</summary>
    public static IReadOnlyList<(string Pattern, string Replacement)> Renames { get; } =
    [
        (@"\.encoder\.layer\.", ".layers."),
        (@"\.attention\.attention\.query$", ".attention.q_proj"),
        (@"\.attention\.attention\.key$", ".attention.k_proj"),
        (@"\.attention\.attention\.value$", ".attention.v_proj"),
        (@"\.attention\.output\.dense$", ".attention.o_proj"),
        (@"\.intermediate\.dense$", ".mlp.fc1"),
        (@"\.output\.dense$", ".mlp.fc2"),
    ];

    /// <summary>Width of the hidden states.</summary>
    public int Hidden { get; }

    /// <summary>Sizes of trained tokens among the patches.</summary>
    public PatchPromptShape Prompts => new(Hidden, _blocks.Length, Patch.Height * Patch.Width);

    /// <summary>Height and width of a patch.</summary>
    public (int Height, int Width) Patch { get; }

    /// <summary>Hidden states after the last norm.</summary>
    /// <param name="pixels">(rows, channels, height, width).</param>
    /// <param name="size">Rows, height and width of the pixels.</param>
    /// <param name="specialsOnly">Compute the last block for the special tokens only: what a classifier needs, equal to the whole.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <returns>(rows·tokens, hidden), or (rows·special tokens, hidden).</returns>
    public Tensor Forward(Tensor pixels, (long Rows, long Height, long Width) size, bool specialsOnly, ForwardContext context)
    {
        var rows = size.Rows;
        var grid = _patches.Grid(size.Height, size.Width);
        var length = (grid.Rows * grid.Columns) + _specials;
        var positions = _embeddings["position_embeddings"].squeeze(0); // (tokens, hidden)
        var patches = _patches.Forward(pixels, context).view(rows, -1, Hidden)
            + PositionGrid.Resize(positions.narrow(0, _specials, _grid.Rows * _grid.Columns), _grid, grid);
        var specials = _specials == 2 ? cat([_embeddings["cls_token"], _embeddings["distillation_token"]], 1) : _embeddings["cls_token"];
        var first = (specials + positions.narrow(0, 0, _specials)).expand(rows, _specials, Hidden);
        var hidden = context.Dropout(cat([first, patches], 1), _dropout).view(rows * length, Hidden);
        length += context.PatchPromptLength;
        var whole = !specialsOnly || context.ReadsEveryToken;
        for (var k = 0; k < _blocks.Length; k++)
        {
            hidden = context.PatchPrompts(hidden, k, rows, _specials);
            var queries = !whole && k == _blocks.Length - 1 ? _specials : length;
            hidden = _blocks[k].Forward(hidden, rows, queries, length, null, context);
        }

        hidden = specialsOnly && whole ? Attention.FirstTokens(hidden, rows, _specials, length) : hidden;
        return _norm.Forward(hidden, context);
    }
}
