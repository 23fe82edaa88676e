using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Pfeiffer adapters: a bottleneck behind the feed-forward part of each block, which reads the sum that follows.</summary>
/// <remarks>
/// <para><c>h ← h + s·(U·f(D·norm(h + r) + d) + u)</c>, r the stream that h is added to, norm the block's own; without it where the block
/// normalizes before its parts. Trains 2·m·hidden + m + hidden numbers a block. Starts near the identity.</para>
/// <para>Source: Pfeiffer et al. 2020, arXiv:2005.00247, in the form of AdapterHub's <c>seq_bn</c>.</para>
/// </remarks>
[AdapterMethod(
    "PFEIFFER", AdapterFamily.Bottleneck, Title = "Pfeiffer adapter", Paper = "arXiv:2005.00247", Formula = "h + s·(U·f(D·norm(h + r) + d) + u)",
    Trained = "2·m·hidden + m + hidden a block")]
public sealed record PfeifferOptions : DenseBottleneckOptions
{
    /// <summary>AdapterHub's settings: reduction factor 16, relu.</summary>
    public PfeifferOptions() => ReductionFactor = 16;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared)
        => [Dense(site.FeedForward, BlockPoint.AfterFeedForward, BottleneckInput.Sum, site, build)];
}
