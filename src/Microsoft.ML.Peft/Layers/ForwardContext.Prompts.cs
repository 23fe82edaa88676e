using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// Trained tokens, and trained keys and values, which stand before what the model is given.
public sealed partial class ForwardContext
{
    private PromptAdapter? _prompts;
    private PrefixAdapter? _prefix;
    private PatchPromptAdapter? _patchPrompts;

    /// <summary>Trained tokens in front of each row's, which the outputs for each token begin with.</summary>
    public long PromptLength => _prompts?.Length ?? 0;

    /// <summary>Trained tokens in front of each row's in the decoder of an encoder-decoder.</summary>
    public long DecoderPromptLength => _prompts?.DecoderLength ?? 0;

    /// <summary>Positions that a model has less for its input: trained tokens, or trained keys.</summary>
    public long TokensBefore => PromptLength + (_prefix?.Length ?? 0);

    /// <summary>Trained keys of which the positions of a decoder's tokens know nothing.</summary>
    internal long UncountedKeys => _prefix is { ShiftsPositions: false } prefix ? prefix.Length : 0;

    /// <summary>Trained tokens in front of each row's patches.</summary>
    internal long PatchPromptLength => _patchPrompts?.Length ?? 0;

    /// <summary>What a decoder is to say: labels (rows, tokens) extended to the trained tokens before them, and how much each place counts.</summary>
    internal (Tensor Labels, Tensor? Weights) Targets(Tensor labels, long prompts)
        => prompts == 0 ? (labels, null) : _prompts!.Targets(labels, prompts, this);

    /// <summary>A batch with room for the trained tokens: a token of id 0 and type 0 stands for each.</summary>
    /// <param name="batch">The batch; it is returned itself where no tokens are trained.</param>
    /// <param name="decoder">True for the decoder of an encoder-decoder.</param>
    internal TokenBatch WithPrompts(TokenBatch batch, bool decoder = false)
    {
        var length = decoder ? DecoderPromptLength : PromptLength;
        return length == 0 ? batch : batch.After(length);
    }

    /// <summary>The embedded tokens of a batch of <see cref="WithPrompts"/>: (rows·length, dim), the trained ones in their places.</summary>
    /// <param name="words">The table of the tokens.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="scale">Factor of the table's vectors.</param>
    /// <param name="decoder">True for the decoder of an encoder-decoder.</param>
    internal Tensor Embed(EmbeddingLayer words, TokenBatch batch, double scale = 1, bool decoder = false)
    {
        var length = decoder ? DecoderPromptLength : PromptLength;
        var ids = length == 0 ? batch.Ids : batch.Ids.view(batch.Rows, batch.Length).narrow(1, length, batch.Length - length).reshape(-1);
        var embedded = words.Forward(ids, this);
        if (scale != 1)
        {
            embedded = embedded.mul(scale);
        }

        if (length == 0)
        {
            return embedded;
        }

        var dim = embedded.size(1);
        var prompts = _prompts!.Vectors(this).narrow(1, decoder ? PromptLength : 0, length).to(embedded.dtype).expand(batch.Rows, length, dim);
        return cat([prompts, embedded.view(batch.Rows, -1, dim)], 1).view(-1, dim);
    }

    /// <summary>The trained keys and values, or null where there are none; computed anew for each pass.</summary>
    /// <param name="everySecond">True for the decoder of an encoder-decoder.</param>
    internal PrefixStates? Prefix(bool everySecond = false) => _prefix is null or { Length: 0 } ? null : new(_prefix.Table(this), _prefix.Length, everySecond);

    /// <summary>Puts the trained tokens of a block behind the special ones of each row.</summary>
    /// <param name="hidden">(rows·length, hidden); before the first block without trained tokens, later with those of the block before.</param>
    /// <param name="block">The block, from 0.</param>
    /// <param name="rows">Count of rows.</param>
    /// <param name="specials">Special tokens of each row.</param>
    internal Tensor PatchPrompts(Tensor hidden, int block, long rows, long specials)
    {
        if (_patchPrompts?.Vectors(block, this) is not { } prompts)
        {
            return hidden;
        }

        var (width, count) = (hidden.size(1), _patchPrompts.Length);
        var tokens = hidden.view(rows, -1, width);
        var after = specials + (block == 0 ? 0 : count);
        return cat([tokens.narrow(1, 0, specials), prompts.to(hidden.dtype).expand(rows, count, width), tokens.narrow(1, after, tokens.size(1) - after)], 1)
            .view(-1, width);
    }

    private void Add(Adapter part)
    {
        switch (part)
        {
            case PromptAdapter prompts:
                _prompts = One(_prompts, prompts);
                break;
            case PrefixAdapter prefix:
                _prefix = One(_prefix, prefix);
                break;
            case PatchPromptAdapter prompts:
                _patchPrompts = One(_patchPrompts, prompts);
                break;
            case ModelAdapter { ReadsWholeInput: true } reader when _others.OfType<ModelAdapter>().FirstOrDefault(other => other.ReadsWholeInput) is { } there:
                // In its first pass each would wait for that of the other, without end.
                throw new PeftException($"Two adapters that read the whole input before they act are active, of {there.Name} and {reader.Name}; only one of them can act at a time. Predict with one of them.");
        }

        _others.Add(part);
    }

    private static T One<T>(T? there, T added)
        where T : ModelAdapter
        => there is null ? added : throw new PeftException(
            $"Two adapters with trained tokens are active, of {there.Name} and {added.Name}; only one of them can act at a time. Predict with one of them.");
}
