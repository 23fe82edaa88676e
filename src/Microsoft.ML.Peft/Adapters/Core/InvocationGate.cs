using System.Runtime.CompilerServices;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Activated LoRA: the adapter acts from the last place on where a sequence of tokens begins, so that what was computed of the text before
/// it without an adapter can be used again.</summary>
/// <remarks>
/// <para>A row without the sequence is left to the base model. With a cache of earlier tokens, a row that was active stays so for each further token.</para>
/// <para>Source: Greenewald et al. 2025, arXiv:2504.12397.</para>
/// </remarks>
internal sealed class InvocationGate(IReadOnlyList<int> sequence)
{
    private readonly ConditionalWeakTable<ForwardContext, Pass> _passes = [];

    /// <summary>1 for each token (rows·length, 1) at which the adapter acts, else 0.</summary>
    /// <param name="x">The input of a layer: one row a token.</param>
    /// <param name="context">The context, which knows the tokens of the pass.</param>
    /// <exception cref="PeftException">The pass has no tokens, or the layer sees others than these.</exception>
    public Tensor Of(Tensor x, ForwardContext context)
    {
        var tokens = context.Inputs?.Tokens
            ?? throw new PeftException("alora_invocation_tokens is set, and the model was given no tokens to find them in; run it on a batch of texts.");
        if (x.size(0) != tokens.Rows * tokens.Length)
        {
            throw new PeftException(
                $"A layer sees {x.size(0)} tokens and the batch has {tokens.Rows} × {tokens.Length}; alora_invocation_tokens works on layers that see each token of a decoder once.");
        }

        if (!_passes.TryGetValue(context, out var pass) || !ReferenceEquals(pass.Tokens, tokens))
        {
            var next = Next(tokens, pass?.Active);
            pass?.Mask.Dispose();
            _passes.AddOrUpdate(context, pass = next);
        }

        return Adapter.InTypeOf(x, pass.Mask);
    }

    private Pass Next(TokenBatch tokens, bool[]? before)
    {
        using var scope = NewDisposeScope();
        var ids = tokens.Ids.cpu().data<long>().ToArray();
        var (rows, length) = ((int)tokens.Rows, (int)tokens.Length);
        var continues = length == 1 && before?.Length == rows;
        var (mask, active) = (new float[rows * length], new bool[rows]);
        for (var row = 0; row < rows; row++)
        {
            var start = continues && before![row] ? 0 : Last(ids.AsSpan(row * length, length));
            active[row] = start >= 0;
            if (start >= 0)
            {
                mask.AsSpan((row * length) + start, length - start).Fill(1);
            }
        }

        // Made once for all layers of the pass, and so kept beyond the scope of the first of them.
        return new(tokens, tensor(mask, rows * length, 1, device: tokens.Ids.device).DetachFromDisposeScope(), active);
    }

    private int Last(ReadOnlySpan<long> row)
    {
        for (var start = row.Length - sequence.Count; start >= 0; start--)
        {
            var k = 0;
            while (k < sequence.Count && row[start + k] == sequence[k])
            {
                k++;
            }

            if (k == sequence.Count)
            {
                return start;
            }
        }

        return -1;
    }

    private sealed record Pass(TokenBatch Tokens, Tensor Mask, bool[] Active);
}
