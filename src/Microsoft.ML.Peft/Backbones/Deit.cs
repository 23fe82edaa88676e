using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>DeiT: ViT with a distillation token beside the class token.</summary>
/// <remarks>
/// <para>Classifiers see the class token after the last norm, as Hugging Face's model for fine-tuning has it; the two classifiers of a
/// checkpoint that was trained with a teacher are left aside.</para>
/// <para>Source: Touvron et al. 2020, arXiv:2012.12877.</para>
/// </remarks>
[Architecture("deit", TakesPrunedHeads = true)]
public sealed class Deit : VisionEncoder
{
    private readonly PatchTransformer _transformer;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Deit(ModelConfig config, WeightSource source)
        : base(config, source)
        => _transformer = new PatchTransformer(
            config, source, Root, distilled: true, (Channels, ImageSize.Height, ImageSize.Width), patch => patch);

    /// <inheritdoc/>
    public override string Root => "deit.";

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
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "classifier.", "cls_classifier.", "distillation_classifier.", "deit.pooler.", "pooler.", "deit.embeddings.mask_token",
        "embeddings.mask_token",
    ];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor pixels, ForwardContext context)
        => _transformer.Forward(pixels, Check(pixels, _transformer.Patch), specialsOnly: false, context);

    /// <inheritdoc/>
    public override Tensor Features(Tensor pixels, ForwardContext context)
    {
        var size = Check(pixels, _transformer.Patch);
        return Attention.FirstTokens(_transformer.Forward(pixels, size, specialsOnly: true, context), size.Rows, 1, 2);
    }
}
