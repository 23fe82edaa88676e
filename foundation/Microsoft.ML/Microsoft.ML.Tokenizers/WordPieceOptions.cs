namespace Microsoft.ML.Tokenizers;

/// <summary>Settings of a word piece tokenizer.</summary>
public class WordPieceOptions
{
    public WordPieceOptions()
    {
    }

    public PreTokenizer? PreTokenizer { get; set; }

    public Normalizer? Normalizer { get; set; }

    public IReadOnlyDictionary<string, int>? SpecialTokens { get; set; }

    public string UnknownToken { get; set; } = "[UNK]";

    public string ContinuingSubwordPrefix { get; set; } = "##";

    public int MaxInputCharsPerWord { get; set; } = 100;
}

/// <summary>Settings of BERT's tokenizer.</summary>
public sealed class BertOptions : WordPieceOptions
{
    public BertOptions()
    {
    }

    public bool LowerCaseBeforeTokenization { get; set; } = true;

    public bool ApplyBasicTokenization { get; set; } = true;

    public bool SplitOnSpecialTokens { get; set; } = true;

    public string SeparatorToken { get; set; } = "[SEP]";

    public string PaddingToken { get; set; } = "[PAD]";

    public string ClassificationToken { get; set; } = "[CLS]";

    public string MaskingToken { get; set; } = "[MASK]";

    public bool IndividuallyTokenizeCjk { get; set; } = true;

    public bool RemoveNonSpacingMarks { get; set; }
}
