using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Which tokens of a batch count: those that are no padding and, where there is a label a token, whose label is not masked.</summary>
internal sealed class TokenMask : IDisposable
{
    private readonly List<(long Tokens, Tensor? Kept)> _kinds = []; // of the encoder's tokens, of the decoder's

    /// <summary>Reads the batch.</summary>
    /// <param name="inputs">The batch.</param>
    /// <param name="labels">Labels that may mask tokens (rows, length), or null.</param>
    /// <param name="masked">The label of a token that does not count.</param>
    public TokenMask(ModelInputs inputs, Targets? labels, long masked)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var tokens in new[] { inputs.Tokens, inputs.DecoderTokens }.OfType<TokenBatch>())
        {
            var keep = tokens.Mask?.ne(0);
            if (labels?.Labels is { } given && ReferenceEquals(tokens, inputs.DecoderTokens ?? inputs.Tokens) && given.dim() == 2 && given.size(0) == tokens.Rows && given.size(1) == tokens.Length)
            {
                var counted = given.reshape(-1).ne(masked);
                keep = keep is null ? counted : keep.logical_and(counted);
            }

            _kinds.Add((tokens.Rows * tokens.Length, keep?.DetachFromDisposeScope()));
        }
    }

    /// <summary>The rows of a layer's input (tokens, in) that count; all of them where it is no input for each token.</summary>
    /// <remarks>Where an encoder and a decoder have as many tokens, the mask is that of the encoder.</remarks>
    public Tensor Kept(Tensor x) => Of(x) is { } kept ? x.index_select(0, kept.nonzero().view(-1)) : x;

    /// <summary>True for the rows of a layer's input that do not count (tokens), or null where all do.</summary>
    public Tensor? Dropped(Tensor x) => Of(x)?.logical_not();

    public void Dispose() => _kinds.ForEach(kind => kind.Kept?.Dispose());

    private Tensor? Of(Tensor x) => _kinds.FirstOrDefault(kind => kind.Tokens == x.size(0)).Kept;
}
