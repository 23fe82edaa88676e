using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Parallel adapters: a bottleneck beside the feed-forward part of each block.</summary>
/// <remarks>
/// <para><c>h ← h + s·(U·f(D·x + d) + u)</c>, x what the feed-forward part is given and h what it gives. Trains 2·m·hidden + m + hidden numbers
/// a block. Starts as the identity.</para>
/// <para>Source: He et al. 2021, arXiv:2110.04366, in the form of AdapterHub's <c>par_bn</c>.</para>
/// </remarks>
[AdapterMethod(
    "PARALLEL_ADAPTER", AdapterFamily.Bottleneck, Title = "Parallel adapter", Paper = "arXiv:2110.04366", Formula = "h + s·(U·f(D·x + d) + u)",
    Trained = "2·m·hidden + m + hidden a block")]
public sealed record ParallelAdapterOptions : DenseBottleneckOptions
{
    /// <summary>AdapterHub's settings: reduction factor 2, relu, factor 4.</summary>
    public ParallelAdapterOptions() => (ReductionFactor, Scale, Start) = (2, 4, Bottleneck.StartZero);

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared)
        => [Dense(site.FeedForward, BlockPoint.AfterFeedForward, BottleneckInput.PartInput, site, build)];
}
