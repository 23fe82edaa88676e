using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>Splits text into the pieces that the model may not cross. Stateless, so safe from several threads.</summary>
internal abstract class PreTokenizerStep
{
    /// <summary>Splits every piece that is no token yet.</summary>
    public abstract void Apply(PieceList pieces);

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
            default:
                throw json.Error($"has the unknown type '{json.Type}'.", ModelFormatError.Unsupported);
        }
    }
}
