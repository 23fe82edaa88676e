using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Procedures.Generation;

/// <summary>Turns tokens that come one at a time into text; the pieces put together are the text of all tokens.</summary>
/// <remarks>A character may take several tokens, and a tokenizer may write a token differently at the start of a text. So a
/// piece is what a text gains by a token, and waits while the text ends in half a character.</remarks>
internal sealed class TextStream(HuggingFaceTokenizer tokenizer)
{
    private const char Half = '\uFFFD';
    private readonly List<int> _tokens = [];
    private string _told = "";

    /// <summary>Adds a token; gives the characters that are now certain.</summary>
    public string Add(int token)
    {
        _tokens.Add(token);
        var text = Text();
        return text.EndsWith(Half) ? "" : Tell(text);
    }

    /// <summary>What is left at the end.</summary>
    public string Rest() => Tell(Text());

    private string Text() => tokenizer.Decode(_tokens, skipSpecialTokens: true);

    // A decoder that cleans up may take back a space before a mark; then nothing is told until the text is longer again.
    private string Tell(string text)
    {
        if (!text.StartsWith(_told, StringComparison.Ordinal))
        {
            return "";
        }

        var piece = text[_told.Length..];
        _told = text;
        return piece;
    }
}
