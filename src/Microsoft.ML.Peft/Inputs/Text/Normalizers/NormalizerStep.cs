using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Patterns;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>Changes text before it is split. Stateless, so safe from several threads.</summary>
internal abstract class NormalizerStep
{
    /// <summary>Writes the changed text into the empty <paramref name="target"/>, or returns false if nothing changes.</summary>
    public abstract bool Apply(TextBuffer source, TextBuffer target);

    /// <summary>The steps of a tokenizer file's <c>normalizer</c>, nested sequences laid flat.</summary>
    public static List<NormalizerStep> Read(JsonPart json)
    {
        var steps = new List<NormalizerStep>();
        if (!json.IsNull)
            Read(json, steps, 0);
        return steps;
    }

    private static void Read(JsonPart json, List<NormalizerStep> steps, int depth)
    {
        if (depth > JsonPart.MaxNesting)
            throw json.Error($"is nested deeper than {JsonPart.MaxNesting} levels.", ModelFormatError.LimitExceeded);
        switch (json.Type)
        {
            case "Sequence":
                foreach (var part in json.Get("normalizers").Elements())
                    Read(part, steps, depth + 1);
                break;
            case "BertNormalizer":
                var lower = json.Get("lowercase").Bool(true);
                steps.Add(new BertNormalizer(json.Get("clean_text").Bool(true), json.Get("handle_chinese_chars").Bool(true), json.Get("strip_accents").Bool(lower), lower));
                break;
            case "NFC" or "NFD" or "NFKC" or "NFKD":
                steps.Add(new UnicodeNormalizer(compatible: json.Type.Contains('K', StringComparison.Ordinal), compose: json.Type.EndsWith('C')));
                break;
            case "Lowercase":
                steps.Add(new LowercaseNormalizer());
                break;
            case "StripAccents":
                steps.Add(new StripAccentsNormalizer());
                break;
            case "Strip":
                steps.Add(new StripNormalizer(json.Get("strip_left").Bool(true), json.Get("strip_right").Bool(true)));
                break;
            case "Prepend":
                steps.Add(new PrependNormalizer(json.Get("prepend").String()));
                break;
            case "Replace":
                steps.Add(new ReplaceNormalizer(TextPatterns.Read(json.Get("pattern")), json.Get("content").String()));
                break;
            case "Nmt":
                steps.Add(new NmtNormalizer());
                break;
            case "Precompiled":
                steps.Add(PrecompiledNormalizer.Read(json));
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelNormalizer());
                break;
            default:
                throw json.Error($"has the unknown type '{json.Type}'.", ModelFormatError.Unsupported);
        }
    }
}
