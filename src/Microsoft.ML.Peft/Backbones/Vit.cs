using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>ViT: a transformer encoder over the patches of a picture and a class token, with pre-norm blocks.</summary>
/// <remarks>
/// <para>Classifiers see the class token after the last norm. Pictures of another size get interpolated positions.</para>
/// <para>Source: Dosovitskiy et al. 2020, arXiv:2010.11929.</para>
/// </remarks>
[Architecture("vit", TakesPrunedHeads = true)]
public sealed class Vit : VisionEncoder
{
    private readonly PatchTransformer _transformer;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Vit(ModelConfig config, WeightSource source)
        : base(config, source)
        => _transformer = new PatchTransformer(
            config, source, Root, distilled: false, (Channels, ImageSize.Height, ImageSize.Width), patch => patch);

    /// <inheritdoc/>
    public override string Root => "vit.";

    /// <inheritdoc/>
    public override int HiddenSize => _transformer.Hidden;

    /// <inheritdoc/>
    public override int FeatureSize => HiddenSize;

    /// <inheritdoc/>
    public override PatchPromptShape PatchPrompts => _transformer.Prompts;

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<(string Pattern, string Replacement)> Renames => PatchTransformer.Renames;

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors
        => ["classifier.", "vit.pooler.", "pooler.", "vit.embeddings.mask_token", "embeddings.mask_token"];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor pixels, ForwardContext context)
        => _transformer.Forward(pixels, Check(pixels, _transformer.Patch), specialsOnly: false, context);

    /// <inheritdoc/>
    public override Tensor Features(Tensor pixels, ForwardContext context)
        => _transformer.Forward(pixels, Check(pixels, _transformer.Patch), specialsOnly: true, context);
}
