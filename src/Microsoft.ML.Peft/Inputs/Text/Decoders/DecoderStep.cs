using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

namespace Microsoft.ML.Peft.Inputs.Text.Decoders;

/// <summary>Turns tokens back into stretches of text. Stateless, so safe from several threads.</summary>
internal abstract class DecoderStep
{
    /// <summary>Replaces the tokens by what they stand for; the results are joined without a gap.</summary>
    public abstract void Apply(List<string> tokens);

    /// <summary>The steps of a tokenizer file's <c>decoder</c>, nested sequences laid flat; null if it has none.</summary>
    public static List<DecoderStep>? Read(JsonPart json)
    {
        if (json.IsNull)
            return null;
        var steps = new List<DecoderStep>();
        Read(json, steps, 0);
        return steps;
    }

    private static void Read(JsonPart json, List<DecoderStep> steps, int depth)
    {
        if (depth > JsonPart.MaxNesting)
            throw json.Error($"is nested deeper than {JsonPart.MaxNesting} levels.", ModelFormatError.LimitExceeded);
        switch (json.Type)
        {
            case "Sequence":
                foreach (var part in json.Get("decoders").Elements())
                    Read(part, steps, depth + 1);
                break;
            case "WordPiece":
                steps.Add(new WordPieceDecoder(json.Get("prefix").String("##"), json.Get("cleanup").Bool(true)));
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelDecoder());
                break;
            case "ByteFallback":
                steps.Add(new ByteFallbackDecoder());
                break;
            case "Metaspace":
                var (replacement, prepend) = MetaspacePreTokenizer.ReadSettings(json);
                steps.Add(new MetaspaceDecoder(replacement, prepend));
                break;
            case "Fuse":
                steps.Add(new FuseDecoder());
                break;
            case "Strip":
                steps.Add(new StripDecoder(json.Get("content").String(" "), json.Get("start").Int(0), json.Get("stop").Int(0)));
                break;
            case "Replace":
                steps.Add(new ReplaceDecoder(TextPatterns.Read(json.Get("pattern")), json.Get("content").String()));
                break;
            case "BPEDecoder":
                steps.Add(new WordEndDecoder(json.Get("suffix").String("</w>")));
                break;
            case "CTC":
                steps.Add(new CtcDecoder(json.Get("pad_token").String("<pad>"), json.Get("word_delimiter_token").String("|"), json.Get("cleanup").Bool(true)));
                break;
            default:
                throw json.Error($"has the unknown type '{json.Type}'.", ModelFormatError.Unsupported);
        }
    }
}
