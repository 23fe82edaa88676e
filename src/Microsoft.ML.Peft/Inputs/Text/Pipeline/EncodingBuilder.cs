using Microsoft.ML.Peft.Inputs.Text.PostProcessors;

namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>Lays tokens out as a template says.</summary>
internal static class EncodingBuilder
{
    public static TextEncoding Build(Template template, TokenSink first, TokenSink second, bool details, Func<int, string?> tokenOf)
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
            var sink = item.Sequence == 0 ? first : second;
            sink.Ids.CopyTo(ids.AsSpan(position));
            types.AsSpan(position, sink.Count).Fill(item.TypeId);
            position += sink.Count;
        }
        var encoding = new TextEncoding(ids, types);
        return details ? WithDetails(encoding, template, first, second, tokenOf) : encoding;
    }

    private static TextEncoding WithDetails(TextEncoding encoding, Template template, TokenSink first, TokenSink second, Func<int, string?> tokenOf)
    {
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
            var sink = item.Sequence == 0 ? first : second;
            for (var i = 0; i < sink.Count; i++, position++)
            {
                offsets[position] = (sink.From[i], sink.To[i]);
                words[position] = sink.Words[i];
                sequences[position] = item.Sequence;
            }
        }
        return encoding with
        {
            Tokens = Array.ConvertAll(encoding.Ids, id => tokenOf(id) ?? ""),
            Offsets = offsets,
            WordIds = words,
            SequenceIds = sequences,
        };
    }
}
