using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Evaluate;

/// <summary>Feature importance of models whose features are known to matter or not.</summary>
[TestClass]
public sealed class PermutationFeatureImportanceTests
{
    private sealed class Row
    {
        [VectorType(3)] public float[] Features { get; set; } = [];
        public string Kind { get; set; } = "";
    }

    private static (MLContext Context, IDataView Data) Rows(int count = 300)
    {
        var ml = new MLContext(4);
        var random = new Random(8);
        var rows = Enumerable.Range(0, count).Select(_ =>
        {
            float a = random.NextSingle(), b = random.NextSingle(), noise = random.NextSingle();
            return new Row { Features = [a, b, noise], Kind = a > 0.6f ? "high" : b > 0.5f ? "middle" : "low" };
        }).ToArray();
        return (ml, ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Fit(ml.Data.LoadFromEnumerable(rows)).Transform(ml.Data.LoadFromEnumerable(rows)));
    }

    [TestMethod]
    public void A_feature_that_decides_matters_and_noise_does_not()
    {
        var (ml, data) = Rows();
        var model = ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy().Fit(data);
        var importance = ml.MulticlassClassification.PermutationFeatureImportance((ITransformer)model, data, permutationCount: 5);
        Assert.HasCount(3, importance);
        Assert.IsLessThan(-0.2, importance["Slot 0"].MicroAccuracy.Mean);
        Assert.IsLessThan(-0.1, importance["Slot 1"].MicroAccuracy.Mean);
        Assert.AreEqual(0, importance["Slot 2"].MicroAccuracy.Mean, 0.03);
        Assert.IsGreaterThan(0.1, importance["Slot 0"].LogLoss.Mean);
        Assert.AreEqual(5, importance["Slot 0"].LogLoss.Count);
        Assert.IsGreaterThan(0, importance["Slot 0"].MicroAccuracy.StandardDeviation);
        Assert.HasCount(3, importance["Slot 0"].PerClassLogLoss);
    }

    [TestMethod]
    public void What_is_measured_is_the_evaluation_of_permuted_rows()
    {
        var (ml, data) = Rows(40);
        var model = ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy().Fit(data);
        // One row: every permutation is the identity, so nothing moves.
        var one = ml.Data.TakeRows(data, 1);
        foreach (var statistics in ml.MulticlassClassification.PermutationFeatureImportance(model, one))
            Assert.AreEqual(0, statistics.MicroAccuracy.Mean);
        // Two rows: a permutation is the identity or an exchange, and an exchange of all features together would be none at all.
        var two = ml.Data.TakeRows(data, 2);
        double[] baseline = Evaluate(two);
        var rows = ml.Data.CreateEnumerable<Row>(two, false, ignoreMissingColumns: true).ToArray();
        var exchanged = rows.Select((r, i) => new Row { Kind = r.Kind, Features = [rows[1 - i].Features[0], r.Features[1], r.Features[2]] }).ToArray();
        var keyed = ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Fit(data).Transform(ml.Data.LoadFromEnumerable(exchanged));
        double difference = Evaluate(keyed)[0] - baseline[0];
        var measured = ml.MulticlassClassification.PermutationFeatureImportance(model, two, permutationCount: 20)[0].LogLoss;
        Assert.IsTrue(measured.Mean / difference is > 0 and < 1, $"{measured.Mean} is no share of {difference}");

        double[] Evaluate(IDataView view) => [ml.MulticlassClassification.Evaluate(model.Transform(view)).LogLoss];
    }

    [TestMethod]
    public void Slots_with_names_are_named_and_the_number_of_rows_can_be_bounded()
    {
        var (ml, data) = Rows(60);
        var named = ml.Transforms.Concatenate("All", "Features").Fit(data).Transform(data);
        var model = ml.Transforms.CopyColumns("Kept", "Kind").Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: "All")).Fit(named);
        var importance = ml.MulticlassClassification.PermutationFeatureImportance((ITransformer)model, named, numberOfExamplesToUse: 10);
        Assert.HasCount(3, importance);
        Assert.ThrowsExactly<InvalidOperationException>(() => ml.MulticlassClassification.PermutationFeatureImportance((ITransformer)model, named, numberOfExamplesToUse: 0));
    }

    [TestMethod]
    public void A_model_without_predictor_is_refused()
    {
        var (ml, data) = Rows(5);
        ITransformer copy = ml.Transforms.CopyColumns("x", "Kind").Fit(data);
        Assert.ThrowsExactly<ArgumentNullException>(() => ml.MulticlassClassification.PermutationFeatureImportance(copy, data));
    }
}
