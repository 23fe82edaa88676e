using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Houlsby adapters: a bottleneck behind the attention and one behind the feed-forward part of each block.</summary>
/// <remarks>
/// <para><c>h ← h + s·(U·f(D·h + d) + u)</c> on what each part gives, before it is added to the stream. Trains 2·(2·m·hidden + m + hidden)
/// numbers a block. Starts near the identity.</para>
/// <para>Source: Houlsby et al. 2019, arXiv:1902.00751, §2.1, in the form of AdapterHub's <c>double_seq_bn</c>.</para>
/// </remarks>
[AdapterMethod(
    "HOULSBY", AdapterFamily.Bottleneck, Title = "Houlsby adapter", Paper = "arXiv:1902.00751", Formula = "h + s·(U·f(D·h + d) + u)",
    Trained = "2·(2·m·hidden + m + hidden) a block")]
public sealed record HoulsbyOptions : DenseBottleneckOptions
{
    /// <summary>AdapterHub's settings: reduction factor 16, swish.</summary>
    public HoulsbyOptions() => (ReductionFactor, Activation) = (16, "swish");

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared) =>
    [
        Dense(site.Attention, BlockPoint.AfterAttention, BottleneckInput.Hidden, site, build),
        Dense(site.FeedForward, BlockPoint.AfterFeedForward, BottleneckInput.Hidden, site, build),
    ];
}
