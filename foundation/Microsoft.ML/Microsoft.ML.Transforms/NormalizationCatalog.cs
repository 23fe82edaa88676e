using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms that put numbers on a common scale.</summary>
public static class NormalizationCatalog
{
    public static NormalizingEstimator NormalizeMinMax(this TransformsCatalog catalog, string outputColumnName, string inputColumnName = null,
        long maximumExampleCount = 1000000000, bool fixZero = true) =>
        NormalizingEstimator.MinMax(catalog.Environment, [(outputColumnName, inputColumnName ?? outputColumnName)], fixZero, maximumExampleCount);

    public static NormalizingEstimator NormalizeMinMax(this TransformsCatalog catalog, InputOutputColumnPair[] columns,
        long maximumExampleCount = 1000000000, bool fixZero = true) =>
        NormalizingEstimator.MinMax(catalog.Environment, InputOutputColumnPair.ToPairs(columns), fixZero, maximumExampleCount);

    public static NormalizingEstimator NormalizeMeanVariance(this TransformsCatalog catalog, string outputColumnName, string inputColumnName = null,
        long maximumExampleCount = 1000000000, bool fixZero = true, bool useCdf = false) =>
        NormalizingEstimator.MeanVariance(catalog.Environment, [(outputColumnName, inputColumnName ?? outputColumnName)], fixZero, useCdf, maximumExampleCount);

    public static NormalizingEstimator NormalizeMeanVariance(this TransformsCatalog catalog, InputOutputColumnPair[] columns,
        long maximumExampleCount = 1000000000, bool fixZero = true, bool useCdf = false) =>
        NormalizingEstimator.MeanVariance(catalog.Environment, InputOutputColumnPair.ToPairs(columns), fixZero, useCdf, maximumExampleCount);
}
