namespace Microsoft.ML.Peft.Layers;

/// <summary>A transformer block of a model, for methods that go on blocks.</summary>
/// <param name="Index">The index under which its <see cref="BlockPoint"/>s are called.</param>
/// <param name="Attention">The last layer of its attention.</param>
/// <param name="FeedForward">The last layer of its feed-forward part: a linear layer, or the last matrices of its experts.</param>
/// <param name="NormsAfter">True if it normalizes after each part is added, false if before.</param>
public sealed record BlockSite(int Index, LinearLayer Attention, Layer FeedForward, bool NormsAfter)
{
    /// <summary>Width of the hidden states.</summary>
    public long Width => Attention.OutFeatures;

    /// <summary>The heads of its attention; of a decoder that also looks at an encoder, those of its own tokens.</summary>
    public required HeadMap Heads { get; init; }
}
