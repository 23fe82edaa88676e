using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Adapter+: a narrow bottleneck behind each block with a learned factor for each feature.</summary>
/// <remarks>
/// <para><c>y ← y + c ∘ (U·gelu(D·y + d) + u)</c>, y the block's output. Trains 2·m·hidden + m + 2·hidden numbers a block. Starts near the identity;
/// while training a row is left out with the probability <see cref="DenseBottleneckOptions.StochasticDepth"/>.</para>
/// <para>Source: Steitz and Roth 2024, arXiv:2406.06820.</para>
/// </remarks>
[AdapterMethod(
    "ADAPTER_PLUS", AdapterFamily.Bottleneck, Title = "Adapter+", Paper = "arXiv:2406.06820", Formula = "y + c ∘ (U·gelu(D·y + d) + u)",
    Trained = "2·m·hidden + m + 2·hidden a block")]
public sealed record AdapterPlusOptions : DenseBottleneckOptions
{
    /// <summary>The authors' settings: reduction factor 96, gelu, a factor for each feature, stochastic depth 0.1.</summary>
    public AdapterPlusOptions()
        => (ReductionFactor, Activation, LearnedScale, StochasticDepth, Start) = (96, "gelu", LearnedScale.Channel, 0.1, Bottleneck.StartCut);

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared) =>
    [
        site.NormsAfter
            ? Dense(site.FeedForward, BlockPoint.AfterNorm2, BottleneckInput.Hidden, site, build)
            : Dense(site.FeedForward, BlockPoint.AfterFeedForward, BottleneckInput.Sum, site, build), // the sum is the output
    ];
}
