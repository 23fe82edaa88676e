using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LN tuning: norms are trained, as copies of their scales and shifts.</summary>
/// <remarks>
/// <para>The forward pass uses the copy; merging puts it in place of the frozen norm. Starts as the identity. HF PEFT accepts layers of any
/// kind, and so does this. Copies are Float32 whatever the base is.</para>
/// <para>Source: Zhao et al. 2023, arXiv:2312.11420.</para>
/// </remarks>
[AdapterMethod(
    "LN_TUNING", AdapterFamily.Selective, Title = "LN tuning", Paper = "arXiv:2312.11420", Formula = "norms' own w, b", Trained = "2·dim of a norm",
    InHuggingFace = true, Merges = true)]
public sealed record LnTuningOptions : AdapterOptions
{
    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer.FrozenWeight is not null;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        // HF PEFT lists the norms of some families, and of Qwen one of each block; here it is every norm of the model.
        var layers = backbone.Layers.Newer ?? backbone.Layers;
        return [.. layers.Where(layer => layer is LayerNormLayer or RmsNormLayer or GroupNormLayer).Select(l => l.Path[(l.Path.LastIndexOf('.') + 1)..]).Distinct()];
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => TrainedCopy.Of(layer, trained: true, filePrefix: "ln_tuning_layers."));
}
