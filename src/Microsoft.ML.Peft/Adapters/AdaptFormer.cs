using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>AdaptFormer: a bottleneck beside the feed-forward part that reads the stream before the norm.</summary>
/// <remarks>
/// <para><c>x ← x + MLP(norm(x)) + s·(U·drop(relu(D·x + d)) + u)</c>. Trains 2·m·hidden + m + hidden numbers a block, and a norm of its own where
/// there is one. Starts as the identity: U is zero.</para>
/// <para>Source: Chen et al. 2022, arXiv:2205.13535.</para>
/// </remarks>
[AdapterMethod(
    "ADAPTFORMER", AdapterFamily.Bottleneck, Title = "AdaptFormer", Paper = "arXiv:2205.13535", Formula = "h + s·(U·relu(D·x + d) + u)",
    Trained = "2·m·hidden + m + hidden a block")]
public sealed record AdaptFormerOptions : BottleneckOptions
{
    /// <summary>Width m of the bottleneck: 1 or more. Default 64.</summary>
    [JsonPropertyName("ffn_num")]
    public int Width { get; init; } = 64;

    /// <summary>Factor s, finite and above 0. Default 0.1.</summary>
    [JsonPropertyName("ffn_adapter_scalar")]
    public double Scale { get; init; } = 0.1;

    /// <summary>Learn the factor instead, from 1 on. Default false.</summary>
    [JsonPropertyName("learnable_scalar")]
    public bool LearnsScale { get; init; }

    /// <summary>Share of the bottleneck's states that is dropped while training: 0 to 0.99. Default 0.1.</summary>
    [JsonPropertyName("dropout")]
    public double Dropout { get; init; } = 0.1;

    /// <summary>Where a norm of its own stands: <c>none</c>, <c>in</c> or <c>out</c>. Default <c>none</c>.</summary>
    [JsonPropertyName("ffn_adapter_layernorm_option")]
    public string Norm { get; init; } = "none";

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Width, 1);
        Guard.Positive(Scale);
        Guard.InRange(Dropout, 0.0, 0.99);
        if (Norm is not ("none" or "in" or "out"))
        {
            throw new ArgumentException($"Norm is '{Norm}'; it must be 'none', 'in' or 'out'.");
        }
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(BlockSite site, AdapterBuild build, Adapter? shared) =>
    [
        new Bottleneck(
            new BottleneckForm(build.PathOf(site.FeedForward), BlockPoint.AfterFeedForward, site.Index, site.Width, Width)
            {
                Input = BottleneckInput.Residual,
                Activation = "relu",
                Start = Bottleneck.StartZero,
                Scale = LearnsScale ? 1 : Scale,
                LearnedScale = LearnsScale ? LearnedScale.Scalar : LearnedScale.None,
                InnerDropout = Dropout,
                Norm = Norm,
            },
            build.Initialization),
    ];
}
