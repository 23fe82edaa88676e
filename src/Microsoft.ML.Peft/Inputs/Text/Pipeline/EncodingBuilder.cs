using Microsoft.ML.Peft.Inputs.Text.PostProcessors;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>The tokens of one text that go into a row.</summary>
internal readonly struct TokenRange(TokenSink sink, int start, int end, Func<int, string>? textOfWord = null)
{
    public TokenSink Sink { get; } = sink;

    public int Start { get; } = start;

    public int Count { get; } = end - start;

    /// <summary>The text that the offsets of a word's tokens count in.</summary>
    public string TextOf(int word) => textOfWord == null ? "" : textOfWord(word);
}

/// <summary>Lays tokens out as a template says.</summary>
internal static class EncodingBuilder
{
    public static TextEncoding Build(Template template, TokenRange first, TokenRange second)
    {
        var length = 0;
        foreach (var item in template.Items)
            length += item.IsSpecial ? 1 : item.Sequence == 0 ? first.Count : second.Count;
        var (ids, types) = (new int[length], new int[length]);
        var position = 0;
        foreach (var item in template.Items)
        {
            if (item.IsSpecial)
            {
                types[position] = item.TypeId;
                ids[position++] = item.Special;
                continue;
            }
            var range = item.Sequence == 0 ? first : second;
            range.Sink.Ids.Slice(range.Start, range.Count).CopyTo(ids.AsSpan(position));
            types.AsSpan(position, range.Count).Fill(item.TypeId);
            position += range.Count;
        }
        return new TextEncoding(ids, types);
    }

    public static TextEncoding BuildDetailed(Template template, PostProcessor rules, TokenRange first, TokenRange second, Func<int, string?> tokenOf)
    {
        var encoding = Build(template, first, second);
        var tokens = Array.ConvertAll(encoding.Ids, id => tokenOf(id) ?? "");
        var offsets = new (int, int)[encoding.Length];
        var words = new int[encoding.Length];
        var sequences = new int[encoding.Length];
        words.AsSpan().Fill(-1);
        sequences.AsSpan().Fill(-1);
        var position = 0;
        foreach (var item in template.Items)
        {
            if (item.IsSpecial)
            {
                position++;
                continue;
            }
            var range = item.Sequence == 0 ? first : second;
            for (var i = range.Start; i < range.Start + range.Count; i++, position++)
            {
                tokens[position] = range.Sink.Shown(i) ?? tokens[position];
                var offset = (range.Sink.From[i], range.Sink.To[i]);
                offsets[position] = rules.TrimOffsets ? OffsetTrimming.Trim(tokens[position], range.TextOf(range.Sink.Words[i]), offset, i == range.Start, rules.PrefixAdded) : offset;
                words[position] = range.Sink.Words[i];
                sequences[position] = item.Sequence;
            }
        }
        return encoding with { Tokens = tokens, Offsets = offsets, WordIds = words, SequenceIds = sequences };
    }
}
