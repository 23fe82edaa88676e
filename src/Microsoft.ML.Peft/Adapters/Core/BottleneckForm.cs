using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a bottleneck adapter reads.</summary>
internal enum BottleneckInput
{
    /// <summary>The hidden states that it adds to.</summary>
    Hidden,

    /// <summary>Their sum with the stream that they are about to be added to, after the norm that follows where there is one.</summary>
    Sum,

    /// <summary>What the part before was given.</summary>
    PartInput,

    /// <summary>The stream that the hidden states are about to be added to.</summary>
    Residual,
}

/// <summary>A learned factor of what a bottleneck adapter adds.</summary>
public enum LearnedScale
{
    /// <summary>None.</summary>
    None,

    /// <summary>One number, which starts at 1.</summary>
    Scalar,

    /// <summary>A number for each feature, which starts at 1.</summary>
    Channel,
}

/// <summary>How a <see cref="Bottleneck"/> looks: where it stands, what it reads, its width and what is around its layers.</summary>
internal sealed record BottleneckForm(string Path, BlockPoint Point, int Block, long Hidden, long Width)
{
    public required BottleneckInput Input { get; init; }

    public required string Activation { get; init; }

    public required string Start { get; init; }

    public double Scale { get; init; } = 1;

    public LearnedScale LearnedScale { get; init; }

    /// <summary>Dropout after the activation.</summary>
    public double InnerDropout { get; init; }

    /// <summary>Dropout of what is added.</summary>
    public double OuterDropout { get; init; }

    /// <summary>Probability that a row gets nothing, while training.</summary>
    public double DropRows { get; init; }

    /// <summary>Multiplies with the mean over a row's tokens of a learned gate.</summary>
    public bool Gated { get; init; }

    /// <summary><c>none</c>, <c>in</c> or <c>out</c>: where a norm of its own stands.</summary>
    public string Norm { get; init; } = "none";

    /// <summary>What is read at a point of a block.</summary>
    public static Tensor Read(BottleneckInput input, Tensor hidden, BlockState state, string path)
    {
        return input switch
        {
            BottleneckInput.Hidden => hidden,
            BottleneckInput.Sum => state.Norm is { } norm ? norm(hidden + Have(state.Residual)) : hidden + Have(state.Residual),
            BottleneckInput.PartInput => Have(state.Input),
            _ => Have(state.Residual),
        };

        Tensor Have(Tensor? tensor) => tensor
            ?? throw new PeftException($"The block of '{path}' does not say what stands beside its hidden states; this adapter cannot act there.");
    }
}
