using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Models;

/// <summary>Every piece is a token or unknown.</summary>
internal sealed class WordLevel : TokenModel
{
    private readonly string _unknownToken;
    private readonly int _unknown;

    private WordLevel(Vocabulary vocabulary, string unknownToken)
        : base(vocabulary)
    {
        _unknownToken = unknownToken;
        _unknown = vocabulary.TryGetId(unknownToken, out var id) ? id : -1;
    }

    public static new WordLevel Read(JsonPart json) => new(Vocabulary.Read(json.Get("vocab")), json.Get("unk_token").String("<unk>"));

    public override void Tokenize(TextBuffer text, int start, int end, TokenSink sink)
    {
        if (!Vocabulary.TryGetId(text.Text[start..end], out var id))
        {
            if (_unknown < 0)
                throw new ModelFormatException("the tokenizer", ModelFormatError.VocabMismatch, $"the unknown token '{_unknownToken}' is not in the vocabulary, and the text needs it.");
            id = _unknown;
        }
        sink.Add(id, text, start, end);
    }
}
