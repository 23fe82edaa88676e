namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>Which text of a pair is cut.</summary>
public enum TruncationStrategy
{
    /// <summary>The longer one until both are equally long, then both.</summary>
    LongestFirst,

    /// <summary>The first.</summary>
    OnlyFirst,

    /// <summary>The second; for a question and its context.</summary>
    OnlySecond,
}

/// <summary>The end at which a text is cut or a row is filled.</summary>
public enum TextSide
{
    /// <summary>The end of the text.</summary>
    Right,

    /// <summary>The start of the text.</summary>
    Left,
}

/// <summary>How texts that are too long are cut.</summary>
/// <param name="MaxLength">Most tokens in a row, special ones included: at least the number of special tokens.</param>
public sealed record TextTruncation(int MaxLength)
{
    /// <summary>Which text of a pair is cut. Default <see cref="TruncationStrategy.LongestFirst"/>.</summary>
    public TruncationStrategy Strategy { get; init; }

    /// <summary>Number of tokens that a row repeats of the row before it: 0 or more, and less than what fits. Default 0.</summary>
    public int Stride { get; init; }

    /// <summary>Which end is cut off. Default <see cref="TextSide.Right"/>.</summary>
    public TextSide Side { get; init; }
}
