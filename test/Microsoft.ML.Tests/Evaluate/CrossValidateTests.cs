using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Evaluate;

/// <summary>Cross-validation of every task: each row is scored once, by a model of the other rows, and metrics are those of its fold.</summary>
[TestClass]
public sealed class CrossValidateTests
{
    private const int Rows = 60;

    private sealed class Row
    {
        public int Id { get; set; }
        public float X { get; set; }
        public float Y { get; set; }
        public bool Sign { get; set; }
        public string Kind { get; set; } = "";
        [VectorType(1)] public float[] Features { get; set; } = [];
    }

    private sealed class Scored
    {
        public float Score { get; set; }
        public float Probability { get; set; }
        public bool PredictedLabel { get; set; }
    }

    private static (MLContext Context, IDataView Data) Table()
    {
        var ml = new MLContext(2);
        var random = new Random(3);
        return (ml, ml.Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(i =>
        {
            float x = random.NextSingle() * 2 - 1;
            return new Row { Id = i, X = x, Y = x + 0.1f * random.NextSingle(), Sign = x + 0.3f * random.NextSingle() > 0.1f, Kind = x > 0 ? "up" : "down", Features = [x] };
        }).ToArray()));
    }

    private static IEstimator<ITransformer> Scoring(MLContext ml) => ml.Transforms.CustomMapping<Row, Scored>((row, scored) =>
    {
        scored.Score = row.X;
        scored.Probability = 1 / (1 + MathF.Exp(-row.X));
        scored.PredictedLabel = row.X > 0;
    }, contractName: null);

    private static void AssertPartition<T>(IReadOnlyList<TrainCatalogBase.CrossValidationResult<T>> folds) where T : class
    {
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 3 }, folds.Select(f => f.Fold).ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(0, Rows).ToArray(), folds.SelectMany(f => f.ScoredHoldOutSet.GetColumn<int>("Id")).Order().ToArray());
    }

    [TestMethod]
    public void Regression()
    {
        var (ml, data) = Table();
        var folds = ml.Regression.CrossValidate(data, Scoring(ml), 4, "Y");
        AssertPartition(folds);
        foreach (var fold in folds)
        {
            float[] truth = [.. fold.ScoredHoldOutSet.GetColumn<float>("Y")], score = [.. fold.ScoredHoldOutSet.GetColumn<float>("Score")];
            Assert.AreEqual(truth.Zip(score, (t, s) => Math.Pow(t - s, 2)).Average(), fold.Metrics.MeanSquaredError, 1e-9);
        }
    }

    [TestMethod]
    public void Binary_classification()
    {
        var (ml, data) = Table();
        var plain = ml.BinaryClassification.CrossValidateNonCalibrated(data, Scoring(ml), 4, "Sign");
        AssertPartition(plain);
        var calibrated = ml.BinaryClassification.CrossValidate(data, Scoring(ml), 4, "Sign");
        foreach (var (a, b) in plain.Zip(calibrated))
        {
            bool[] truth = [.. a.ScoredHoldOutSet.GetColumn<bool>("Sign")], guess = [.. a.ScoredHoldOutSet.GetColumn<bool>("PredictedLabel")];
            Assert.AreEqual(truth.Zip(guess, (t, g) => t == g ? 1.0 : 0).Average(), a.Metrics.Accuracy, 1e-12);
            Assert.AreEqual(a.Metrics.AreaUnderRocCurve, b.Metrics.AreaUnderRocCurve, "the same seed gives the same folds");
            Assert.IsGreaterThan(0, b.Metrics.LogLoss);
        }
    }

    [TestMethod]
    public void Multiclass_classification()
    {
        var (ml, data) = Table();
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy());
        var folds = ml.MulticlassClassification.CrossValidate(data, pipeline, 4, seed: 9);
        AssertPartition(folds);
        Assert.HasCount(4, folds.Select(f => f.Model).Distinct().ToArray());
        Assert.IsGreaterThan(0.9, folds.Average(f => f.Metrics.MicroAccuracy));
        Assert.AreEqual(Rows, folds.Sum(f => f.Metrics.ConfusionMatrix.Counts.Sum(c => c.Sum())));
        StringAssert.Contains(folds[0].Metrics.ConfusionMatrix.GetFormattedConfusionTable(), "Confusion table");
    }

    [TestMethod]
    public void Rows_of_one_group_stay_in_one_fold()
    {
        var (ml, data) = Table();
        var kinds = ml.Regression.CrossValidate(data, Scoring(ml), 2, "Y", samplingKeyColumnName: "Kind")
            .SelectMany(f => f.ScoredHoldOutSet.GetColumn<string>("Kind").Distinct()).ToArray();
        CollectionAssert.AreEquivalent(new[] { "up", "down" }, kinds);
    }

    [TestMethod]
    public void One_fold_is_none() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Table() is var (ml, data) ? ml.Regression.CrossValidate(data, Scoring(ml), 1, "Y") : null);
}
