using System.Collections.Immutable;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>What each feature is worth to a model: how far the metrics move when its values are permuted.</summary>
public static class PermutationFeatureImportanceExtensions
{
    public static ImmutableArray<RegressionMetricsStatistics> PermutationFeatureImportance<TModel>(this RegressionCatalog catalog,
        ISingleFeaturePredictionTransformer<TModel> predictionTransformer, IDataView data, string labelColumnName = "Label",
        bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1) where TModel : class =>
        [.. FeaturePermutation.Measure(catalog.Trainers.Environment, predictionTransformer, data, view => catalog.Evaluate(view, labelColumnName),
            () => new RegressionMetricsStatistics(), useFeatureWeightFilter, numberOfExamplesToUse, permutationCount)];

    public static ImmutableArray<BinaryClassificationMetricsStatistics> PermutationFeatureImportance<TModel>(this BinaryClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<TModel> predictionTransformer, IDataView data, string labelColumnName = "Label",
        bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1) where TModel : class =>
        [.. FeaturePermutation.Measure(catalog.Trainers.Environment, predictionTransformer, data, view => catalog.EvaluateNonCalibrated(view, labelColumnName),
            () => new BinaryClassificationMetricsStatistics(), useFeatureWeightFilter, numberOfExamplesToUse, permutationCount)];

    public static ImmutableArray<MulticlassClassificationMetricsStatistics> PermutationFeatureImportance<TModel>(this MulticlassClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<TModel> predictionTransformer, IDataView data, string labelColumnName = "Label",
        bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1) where TModel : class =>
        [.. FeaturePermutation.Measure(catalog.Trainers.Environment, predictionTransformer, data, view => catalog.Evaluate(view, labelColumnName),
            () => new MulticlassClassificationMetricsStatistics(), useFeatureWeightFilter, numberOfExamplesToUse, permutationCount)];

    public static ImmutableDictionary<string, RegressionMetricsStatistics> PermutationFeatureImportance(this RegressionCatalog catalog, ITransformer model,
        IDataView data, string labelColumnName = "Label", bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1)
    {
        var predictor = FeaturePermutation.Predictor(model);
        return Named(predictor, data, catalog.PermutationFeatureImportance(predictor, data, labelColumnName, useFeatureWeightFilter, numberOfExamplesToUse, permutationCount));
    }

    public static ImmutableDictionary<string, BinaryClassificationMetricsStatistics> PermutationFeatureImportanceNonCalibrated(
        this BinaryClassificationCatalog catalog, ITransformer model, IDataView data, string labelColumnName = "Label",
        bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1)
    {
        var predictor = FeaturePermutation.Predictor(model);
        return Named(predictor, data, catalog.PermutationFeatureImportance(predictor, data, labelColumnName, useFeatureWeightFilter, numberOfExamplesToUse, permutationCount));
    }

    public static ImmutableDictionary<string, MulticlassClassificationMetricsStatistics> PermutationFeatureImportance(
        this MulticlassClassificationCatalog catalog, ITransformer model, IDataView data, string labelColumnName = "Label",
        bool useFeatureWeightFilter = false, int? numberOfExamplesToUse = null, int permutationCount = 1)
    {
        var predictor = FeaturePermutation.Predictor(model);
        return Named(predictor, data, catalog.PermutationFeatureImportance(predictor, data, labelColumnName, useFeatureWeightFilter, numberOfExamplesToUse, permutationCount));
    }

    private static ImmutableDictionary<string, T> Named<T>(ISingleFeaturePredictionTransformer<object> predictor, IDataView data, ImmutableArray<T> measured) =>
        FeaturePermutation.SlotNames(data, predictor.FeatureColumnName, measured.Length).Zip(measured).ToImmutableDictionary(p => p.First, p => p.Second);
}
