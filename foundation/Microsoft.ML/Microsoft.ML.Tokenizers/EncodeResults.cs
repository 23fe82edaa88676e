namespace Microsoft.ML.Tokenizers;

/// <summary>Tokens or ids, the normalized text if there is one, and how much of the text they stand for.</summary>
public struct EncodeResults<T>
{
    public IReadOnlyList<T> Tokens { get; set; }

    public string? NormalizedText { get; set; }

    public int CharsConsumed { get; set; }
}
