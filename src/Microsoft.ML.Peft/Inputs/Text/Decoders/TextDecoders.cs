using System.Text;
using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

namespace Microsoft.ML.Peft.Inputs.Text.Decoders;

/// <summary>Turns the visible blank back into a blank, and drops the one that was put before the text.</summary>
internal sealed class MetaspaceDecoder(char replacement, PrependScheme prepend) : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            tokens[i] = i == 0 && prepend != PrependScheme.Never
                ? tokens[i].Replace(replacement.ToString(), "", StringComparison.Ordinal)
                : tokens[i].Replace(replacement, ' ');
        }
    }
}

/// <summary>Joins all tokens to one.</summary>
internal sealed class FuseDecoder : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        var text = string.Concat(tokens);
        tokens.Clear();
        tokens.Add(text);
    }
}

/// <summary>Cuts up to so many of a character off the ends of every token.</summary>
internal sealed class StripDecoder(string content, int start, int stop) : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            for (var n = 0; n < start && content.Length > 0 && token.StartsWith(content, StringComparison.Ordinal); n++)
                token = token[content.Length..];
            for (var n = 0; n < stop && content.Length > 0 && token.EndsWith(content, StringComparison.Ordinal); n++)
                token = token[..^content.Length];
            tokens[i] = token;
        }
    }
}

/// <summary>Replaces every match of a pattern within a token.</summary>
internal sealed class ReplaceDecoder(ITextPattern pattern, string content) : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
            tokens[i] = Replace(tokens[i]);
    }

    private string Replace(string token)
    {
        StringBuilder? result = null;
        var (position, taken) = (0, 0);
        var budget = Pattern.BudgetFor(token.Length);
        while (position <= token.Length && pattern.Find(token, position, ref budget, out var end) is >= 0 and var start)
        {
            result ??= new StringBuilder();
            result.Append(token, taken, start - taken).Append(content);
            taken = end;
            position = end > start ? end : end + 1;
        }
        return result == null ? token : result.Append(token, taken, token.Length - taken).ToString();
    }
}

/// <summary>Turns the mark at the end of words into a blank.</summary>
internal sealed class WordEndDecoder(string suffix) : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count && suffix.Length > 0; i++)
            tokens[i] = tokens[i].Replace(suffix, i == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal);
    }
}

/// <summary>Reads the output of a CTC model: repeats count once, padding not at all.</summary>
internal sealed class CtcDecoder(string padding, string delimiter, bool cleanup) : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        for (var i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1])
                continue;
            var token = padding.Length > 0 ? tokens[i].Replace(padding, "", StringComparison.Ordinal) : tokens[i];
            if (cleanup)
                token = WordPieceDecoder.CleanUp(token);
            if (cleanup && delimiter.Length > 0)
                token = token.Replace(delimiter, " ", StringComparison.Ordinal);
            if (token.Length > 0)
                result.Add(token);
        }
        tokens.Clear();
        tokens.AddRange(result);
    }
}
