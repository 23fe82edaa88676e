using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Phi-3: LLaMA with one matrix for query, key and value and one for gate and up.</summary>
/// <remarks>Source: Abdin et al. 2024, arXiv:2404.14219.</remarks>
[Architecture("phi3")]
public sealed class Phi3 : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Phi3(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm { Fused = true, Window = SlidingWindow.OfAll(config) })
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["qkv_proj"];
}
