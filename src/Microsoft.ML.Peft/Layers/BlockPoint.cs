namespace Microsoft.ML.Peft.Layers;

/// <summary>Places of a transformer block where adapters can change the hidden states.</summary>
public enum BlockPoint
{
    /// <summary>What the attention's heads give, side by side (tokens, heads·d), before the attention's output layer.</summary>
    AttentionHeads,

    /// <summary>The attention's output, before the residual is added.</summary>
    AfterAttention,

    /// <summary>The first norm's output.</summary>
    AfterNorm1,

    /// <summary>The feed-forward part's output, before the residual is added.</summary>
    AfterFeedForward,

    /// <summary>The second norm's output.</summary>
    AfterNorm2,
}
