using Microsoft.ML.Transforms.Text;

namespace Microsoft.ML;

/// <summary>Transforms of text.</summary>
public static class TextCatalog
{
    public static TextNormalizingEstimator NormalizeText(this TransformsCatalog.TextTransforms catalog, string outputColumnName, string inputColumnName = null,
        TextNormalizingEstimator.CaseMode caseMode = TextNormalizingEstimator.CaseMode.Lower, bool keepDiacritics = false, bool keepPunctuations = true,
        bool keepNumbers = true) =>
        new(catalog.Environment, new TextNormalizing(caseMode, keepDiacritics, keepPunctuations, keepNumbers), (outputColumnName, inputColumnName ?? outputColumnName));

    public static WordTokenizingEstimator TokenizeIntoWords(this TransformsCatalog.TextTransforms catalog, string outputColumnName, string inputColumnName = null,
        char[] separators = null) =>
        new(catalog.Environment, separators ?? [' '], (outputColumnName, inputColumnName ?? outputColumnName));
}
