using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Swin: a vision transformer in stages, with attention inside windows that every second block shifts, and with fewer and wider
/// tokens from stage to stage.</summary>
/// <remarks>
/// <para>Classifiers see the mean of the last stage's tokens after the last norm.</para>
/// <para>Source: Liu et al. 2021, arXiv:2103.14030.</para>
/// </remarks>
[Architecture("swin")]
public sealed class Swin : VisionEncoder
{
    private readonly PatchLayer _patches;
    private readonly LayerNormLayer _patchNorm;
    private readonly (int Height, int Width) _patch;
    private readonly SwinStage[] _stages;
    private readonly LayerNormLayer _norm;
    private readonly double _dropout;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Swin(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        var depths = config.Ints("depths", 1, 1 << 10, 2, 2, 6, 2);
        var heads = config.Ints("num_heads", 1, 1 << 10, 3, 6, 12, 24);
        var width = config.Int("embed_dim", 1, 1 << 16, 96);
        if (heads.Length != depths.Length)
        {
            throw config.Wrong("num_heads", $"as many numbers as 'depths', which has {depths.Length}");
        }

        if (config.Flag("use_absolute_embeddings", false))
        {
            throw config.Wrong("use_absolute_embeddings", "false, the only kind that is supported");
        }

        _patch = config.Size("patch_size", 1 << 10, 4);
        _dropout = config.Number("hidden_dropout_prob", 0, 0.99, 0);
        var eps = config.Number("layer_norm_eps", 0, 1, 1e-5);
        source.Root(Root);
        _patches = source.Patches("swin.embeddings.patch_embeddings.projection", Channels, width, _patch, _patch);
        _patchNorm = source.LayerNorm("swin.embeddings.norm", width, 1e-5);
        var block = 0;
        _stages = new SwinStage[depths.Length];
        for (var k = 0; k < _stages.Length; k++)
        {
            if (width % heads[k] != 0)
            {
                throw config.Wrong("num_heads", $"divisors of the stages' widths; stage {k} has a width of {width}");
            }

            var last = k == _stages.Length - 1;
            _stages[k] = new SwinStage(
                config, source, k, (block, depths[k], depths.Sum()), (width, heads[k]), last);
            block += depths[k];
            if (!last)
            {
                width *= 2;
            }
        }

        HiddenSize = width;
        _norm = source.LayerNorm("swin.layernorm", width, eps);
    }

    /// <inheritdoc/>
    public override string Root => "swin.";

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <inheritdoc/>
    public override int FeatureSize => HiddenSize;

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<(string Pattern, string Replacement)> Renames { get; } =
    [
        (@"\.attention\.self\.query$", ".attention.q_proj"),
        (@"\.attention\.self\.key$", ".attention.k_proj"),
        (@"\.attention\.self\.value$", ".attention.v_proj"),
        (@"\.attention\.output\.dense$", ".attention.o_proj"),
        (@"\.intermediate\.dense$", ".mlp.fc1"),
        (@"\.output\.dense$", ".mlp.fc2"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["classifier.", "swin.embeddings.mask_token", "embeddings.mask_token"];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor pixels, ForwardContext context) => Encode(pixels, context).Hidden;

    /// <inheritdoc/>
    public override Tensor Features(Tensor pixels, ForwardContext context)
    {
        var (hidden, rows) = Encode(pixels, context);
        return hidden.view(rows, -1, HiddenSize).mean([1]);
    }

    private (Tensor Hidden, long Rows) Encode(Tensor pixels, ForwardContext context)
    {
        var (rows, height, width) = Check(pixels, _patch);
        var grid = new SwinGrid(rows, height / _patch.Height, width / _patch.Width);
        var hidden = context.Dropout(_patchNorm.Forward(_patches.Forward(pixels, context), context), _dropout);
        foreach (var stage in _stages)
        {
            (hidden, grid) = stage.Forward(hidden, grid, context);
        }

        return (_norm.Forward(hidden, context), rows);
    }
}
