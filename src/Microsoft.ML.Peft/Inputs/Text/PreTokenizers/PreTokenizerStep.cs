using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits text into the pieces that the model may not cross. Stateless, so safe from several threads.</summary>
internal abstract class PreTokenizerStep
{
    /// <summary>Splits every piece that is no token yet.</summary>
    public abstract void Apply(PieceList pieces);

    /// <summary>The step that changes the text as this one does without splitting it; null for a step that only splits.</summary>
    public virtual PreTokenizerStep? WithoutSplit() => null;

    /// <summary>The steps of a tokenizer file's <c>pre_tokenizer</c>, nested sequences laid flat.</summary>
    public static List<PreTokenizerStep> Read(JsonPart json)
    {
        var steps = new List<PreTokenizerStep>();
        if (!json.IsNull)
            Read(json, steps, 0);
        return steps;
    }

    private static void Read(JsonPart json, List<PreTokenizerStep> steps, int depth)
    {
        if (depth > JsonPart.MaxNesting)
            throw json.Error($"is nested deeper than {JsonPart.MaxNesting} levels.", ModelFormatError.LimitExceeded);
        switch (json.Type)
        {
            case "Sequence":
                foreach (var part in json.Get("pretokenizers").Elements())
                    Read(part, steps, depth + 1);
                break;
            case "BertPreTokenizer":
                steps.Add(new BertPreTokenizer());
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelPreTokenizer(json.Get("add_prefix_space").Bool(true), json.Get("use_regex").Bool(true)));
                break;
            case "Metaspace":
                var (replacement, prepend) = MetaspacePreTokenizer.ReadSettings(json);
                steps.Add(new MetaspacePreTokenizer(replacement, prepend, json.Get("split").Bool(true)));
                break;
            case "Whitespace":
                steps.Add(SplitPreTokenizer.Whitespace());
                break;
            case "WhitespaceSplit":
                steps.Add(CharPreTokenizer.WhitespaceSplit());
                break;
            case "Split":
                steps.Add(new SplitPreTokenizer(TextPatterns.Read(json.Get("pattern")), Splitter.Read(json.Get("behavior"), SplitBehavior.Isolated), json.Get("invert").Bool(false)));
                break;
            case "Digits":
                steps.Add(CharPreTokenizer.Digits(json.Get("individual_digits").Bool(false)));
                break;
            case "Punctuation":
                steps.Add(CharPreTokenizer.Punctuation(Splitter.Read(json.Get("behavior"), SplitBehavior.Isolated)));
                break;
            case "CharDelimiterSplit":
                steps.Add(CharPreTokenizer.Delimiter(ReadCharacter(json.Get("delimiter"))));
                break;
            case "FixedLength":
                var length = json.Get("length").Int(5);
                steps.Add(length > 0 ? new FixedLengthPreTokenizer(length) : throw json.Get("length").Error($"is {length}; it must be at least 1."));
                break;
            case "UnicodeScripts":
                steps.Add(new ScriptPreTokenizer());
                break;
            default:
                throw json.Error($"has the unknown type '{json.Type}'.", ModelFormatError.Unsupported);
        }
    }

    private static int ReadCharacter(JsonPart json)
    {
        var text = json.String();
        if (text.Length == 1 || (text.Length == 2 && char.IsSurrogatePair(text[0], text[1])))
            return char.ConvertToUtf32(text, 0);
        throw json.Error("must be one character.");
    }
}
