using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>What a block has at hand at a <see cref="BlockPoint"/> besides the hidden states there; tensors are (tokens, hidden).</summary>
/// <param name="Residual">The stream that the part's output is added to, or null after a norm.</param>
/// <param name="Input">What the part (attention or feed-forward) was given, or null after a norm.</param>
/// <param name="Norm">The norm that follows the sum, in a block that normalizes after each part; null in others.</param>
public readonly record struct BlockState(Tensor? Residual = null, Tensor? Input = null, Func<Tensor, Tensor>? Norm = null)
{
    /// <summary>Rows of the batch, which have equally many of the tokens.</summary>
    public long Rows { get; init; }

    /// <summary>Attention heads of the block.</summary>
    public long Heads { get; init; }

    /// <summary>What the attention computed with, after the attention of decoders whose heads can look at more keys; null elsewhere.</summary>
    public AttentionState? Attention { get; init; }

    internal BlockState Map(Func<Tensor, Tensor> rows, long count)
        => this with
        {
            Residual = Residual is null ? null : rows(Residual),
            Input = Input is null ? null : rows(Input),
            Rows = count,
            Attention = Attention is null ? null : Attention with { Query = rows(Attention.Query) },
        };
}

/// <summary>What an attention computed with.</summary>
/// <param name="Query">The queries (tokens, heads·d), turned to their positions.</param>
/// <param name="KeysOf">Keys and values (n, key heads·d) of other hidden states (n, hidden), without positions.</param>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="Output">The layer after the heads that what they see more goes through too, or null for none.</param>
public sealed record AttentionState(
    Tensor Query, Func<Tensor, ForwardContext, (Tensor Keys, Tensor Values)> KeysOf, long KeyHeads, LinearLayer? Output);
