using System.Buffers;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>The face that ML.NET's tokenizers have: special tokens are added, and offsets are those of the text as given.</summary>
public sealed partial class HuggingFaceTokenizer
{
    /// <summary>Turns ids back into text, special tokens included; ids without a token are left out.</summary>
    /// <param name="ids">Token ids.</param>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Decode(ids as IReadOnlyList<int> ?? [.. ids], skipSpecialTokens: false);
    }

    /// <summary>Writes as much text as fits, in whole tokens.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="destination">Where the text goes.</param>
    /// <param name="idsConsumed">How many ids the text stands for.</param>
    /// <param name="charsWritten">Length of the text.</param>
    /// <returns>Done; DestinationTooSmall; or InvalidData for an id without a token.</returns>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var list = ids as IReadOnlyList<int> ?? [.. ids];
        var known = 0;
        while (known < list.Count && IdToToken(list[known]) != null)
            known++;
        var status = known < list.Count ? OperationStatus.InvalidData : OperationStatus.Done;
        var text = Decode([.. list.Take(known)], skipSpecialTokens: false);
        // What a token gives depends on its neighbours, so the longest start that fits is found by trying.
        var (fits, tooMany) = (0, known + 1);
        if (text.Length > destination.Length)
        {
            status = OperationStatus.DestinationTooSmall;
            while (tooMany - fits > 1)
            {
                var middle = (fits + tooMany) / 2;
                if (Decode([.. list.Take(middle)], skipSpecialTokens: false).Length <= destination.Length)
                    fits = middle;
                else
                    tooMany = middle;
            }
            text = Decode([.. list.Take(fits)], skipSpecialTokens: false);
            known = fits;
        }
        text.CopyTo(destination);
        (idsConsumed, charsWritten) = (known, text.Length);
        return status;
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        text ??= textSpan.ToString();
        var scratch = EncodeScratch.Rent();
        var template = Fill(textSpan, settings, scratch, tracked: true, out var kept, out var consumed);
        var encoding = EncodingBuilder.BuildDetailed(
            template, _postProcessor, new TokenRange(scratch.First, 0, kept, _ => text), new TokenRange(scratch.Second, 0, 0), IdToToken);
        scratch.Return();
        var tokens = new EncodedToken[encoding.Length];
        // A special token stands between its neighbours: after what is before it, and before all of the text at the start.
        var position = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            var range = encoding.SequenceIds![i] < 0 ? (Start: position, End: position) : encoding.Offsets![i];
            tokens[i] = new EncodedToken(encoding.Ids[i], encoding.Tokens![i], new Range(range.Start, range.End));
            position = range.End;
        }
        return new EncodeResults<EncodedToken> { Tokens = tokens, CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var scratch = EncodeScratch.Rent();
        // Only a limit needs to know where the last token ends.
        var template = Fill(textSpan, settings, scratch, tracked: settings.MaxTokenCount < int.MaxValue, out var kept, out var consumed);
        var encoding = EncodingBuilder.Build(template, new TokenRange(scratch.First, 0, kept), new TokenRange(scratch.Second, 0, 0));
        scratch.Return();
        return new EncodeResults<int> { Tokens = encoding.Ids, CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) => EncodeToIds(text, textSpan, settings).Tokens.Count;

    /// <summary>Tokenizes a text and says how many of its tokens fit, and which layout has room for them.</summary>
    private PostProcessors.Template Fill(ReadOnlySpan<char> text, EncodeSettings settings, EncodeScratch scratch, bool tracked, out int kept, out int consumed)
    {
        Run(
            text, scratch, scratch.First, settings.ConsiderNormalization ? _normalizers : NoNormalizers,
            settings.ConsiderPreTokenization ? _preTokenizers : _preTokenizersWithoutSplit, tracked);
        scratch.Second.Reset(tracked);
        var template = settings.MaxTokenCount >= _postProcessor.Single.SpecialCount ? _postProcessor.Single : _postProcessor.Bare.Single;
        kept = Math.Min(scratch.First.Count, settings.MaxTokenCount - template.SpecialCount);
        consumed = kept == scratch.First.Count ? text.Length : kept == 0 ? 0 : scratch.First.To[kept - 1];
        return template;
    }
}
