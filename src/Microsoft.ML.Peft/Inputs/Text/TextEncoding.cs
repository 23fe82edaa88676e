namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>A text, or a pair of texts, as a row of token ids.</summary>
/// <param name="Ids">Token ids, special tokens included if they were asked for.</param>
/// <param name="TypeIds">For each token the segment that the model's layout gives it: mostly 0, and 1 for a second text.</param>
public sealed record TextEncoding(int[] Ids, int[] TypeIds)
{
    /// <summary>The tokens as text; null unless details were asked for.</summary>
    public string[]? Tokens { get; init; }

    /// <summary>For each token its UTF-16 range in its own text, (0, 0) for special tokens; null unless details were asked for.</summary>
    public (int Start, int End)[]? Offsets { get; init; }

    /// <summary>For each token the number of its word in its own text, −1 for special tokens; null unless details were asked for.</summary>
    public int[]? WordIds { get; init; }

    /// <summary>For each token 0 for the first text, 1 for the second, −1 for special tokens; null unless details were asked for.</summary>
    public int[]? SequenceIds { get; init; }

    /// <summary>The rows that the cut-off tokens make, in the order of Hugging Face; empty unless details were asked for.</summary>
    public IReadOnlyList<TextEncoding> Overflowing { get; init; } = [];

    /// <summary>Number of tokens.</summary>
    public int Length => Ids.Length;
}
