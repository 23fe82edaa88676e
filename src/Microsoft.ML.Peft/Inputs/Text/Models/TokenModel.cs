using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Turns a piece of text into tokens. Safe from several threads.</summary>
internal abstract class TokenModel
{
    protected TokenModel(Vocabulary vocabulary) => Vocabulary = vocabulary;

    public Vocabulary Vocabulary { get; }

    /// <summary>Adds the tokens of one non-empty piece.</summary>
    public abstract void Tokenize(TextBuffer text, int start, int end, TokenSink sink);

    /// <summary>The model of a tokenizer file.</summary>
    public static TokenModel Read(JsonPart json)
    {
        if (json.IsNull)
            throw json.Error("is missing.");
        return json.Type switch
        {
            "WordPiece" => WordPiece.Read(json),
            var other => throw json.Error($"has the unknown type '{other}'.", ModelFormatError.Unsupported),
        };
    }
}
