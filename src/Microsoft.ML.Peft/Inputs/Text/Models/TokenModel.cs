using System.Text.Json;
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
        var type = json.Get("type").IsNull ? Guess(json) : json.Type;
        return type switch
        {
            "WordPiece" => WordPiece.Read(json),
            "BPE" => BytePair.Read(json),
            "Unigram" => Unigram.Read(json),
            "WordLevel" => WordLevel.Read(json),
            _ => throw json.Error($"has the unknown type '{type}'; known are WordPiece, BPE, Unigram and WordLevel.", ModelFormatError.Unsupported),
        };
    }

    /// <summary>The type of a model in an old file, which does not name it.</summary>
    private static string Guess(JsonPart json)
    {
        if (!json.Get("merges").IsNull)
            return "BPE";
        if (json.Get("vocab").Kind == JsonValueKind.Array)
            return "Unigram";
        return json.Get("continuing_subword_prefix").IsNull ? "WordLevel" : "WordPiece";
    }
}
