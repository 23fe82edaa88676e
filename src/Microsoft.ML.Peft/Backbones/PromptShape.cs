namespace Microsoft.ML.Peft.Backbones;

/// <summary>Sizes that trained tokens, and trained keys and values, of a model must have.</summary>
/// <param name="TokenWidth">Width of an embedded token.</param>
/// <param name="Blocks">Count of blocks that a prefix counts: those of the decoder, or of the encoder where that is all.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="KeyHeads">Heads of keys and values; 0 where trained keys have no meaning.</param>
/// <param name="KeyWidth">Width of a key over all heads.</param>
public sealed record PromptShape(int TokenWidth, int Blocks, int Heads, int KeyHeads, int KeyWidth)
{
    /// <summary>2 for a model with encoder and decoder.</summary>
    public int Submodules { get; init; } = 1;
}

/// <summary>Sizes of trained tokens among the patches of a vision transformer.</summary>
/// <param name="Width">Width of the hidden states.</param>
/// <param name="Blocks">Count of blocks.</param>
/// <param name="PatchArea">Pixels of a patch, of one channel.</param>
public sealed record PatchPromptShape(int Width, int Blocks, int PatchArea);
