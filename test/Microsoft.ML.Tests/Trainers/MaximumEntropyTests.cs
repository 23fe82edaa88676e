using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

namespace FoundationTests.Trainers;

/// <summary>The linear trainers find what they should.</summary>
[TestClass]
public sealed class MaximumEntropyTests
{
    public sealed class Row
    {
        [VectorType(3)] public float[] Features { get; set; } = [];
        public string Kind { get; set; } = "";
    }

    private static (MLContext, IDataView) Data(int rows = 400)
    {
        var random = new Random(3);
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, rows).Select(i =>
        {
            int k = i % 3;
            double Noise() => random.NextDouble() + random.NextDouble() - 1;
            return new Row { Features = [(float)(k + Noise()), (float)(k == 1 ? 2 : 0 + Noise()), (float)Noise()], Kind = "abc"[k].ToString() };
        }).ToArray());
        return (ml, ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Fit(data).Transform(data));
    }

    /// <summary>Mean log loss plus the penalties, by definition.</summary>
    private static double Objective(IDataView data, float[][] weights, float[] biases, double l1, double l2)
    {
        var labels = data.GetColumn<uint>("Label").ToArray();
        var features = data.GetColumn<float[]>("Features").ToArray();
        double loss = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            var scores = weights.Select((w, k) => biases[k] + w.Zip(features[i], (a, b) => (double)a * b).Sum()).ToArray();
            double max = scores.Max();
            loss += Math.Log(scores.Sum(s => Math.Exp(s - max))) + max - scores[labels[i] - 1];
        }
        return (loss + weights.Sum(w => w.Sum(x => l1 * Math.Abs(x) + 0.5 * l2 * x * x))) / labels.Length;
    }

    private static (float[][] Weights, float[] Biases) Read(MaximumEntropyModelParameters model)
    {
        VBuffer<float>[] weights = null!;
        model.GetWeights(ref weights, out int classes);
        Assert.AreEqual(3, classes);
        return (weights.Select(w => w.DenseValues().ToArray()).ToArray(), model.GetBiases().ToArray());
    }

    [TestMethod]
    [DataRow(0f, 1f)]
    [DataRow(1f, 1f)]
    [DataRow(5f, 0.1f)]
    public void Lbfgs_ends_where_no_small_step_helps(float l1, float l2)
    {
        var (ml, data) = Data();
        var (weights, biases) = Read(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(l1Regularization: l1, l2Regularization: l2).Fit(data).Model);
        double best = Objective(data, weights, biases, l1, l2);
        foreach (double step in new[] { 1e-2, -1e-2 })
        {
            for (int k = 0; k < 3; k++)
            {
                for (int i = 0; i < 3; i++)
                {
                    weights[k][i] += (float)step;
                    Assert.IsGreaterThan(best - 1e-6, Objective(data, weights, biases, l1, l2));
                    weights[k][i] -= (float)step;
                }
                biases[k] += (float)step;
                Assert.IsGreaterThan(best - 1e-6, Objective(data, weights, biases, l1, l2));
                biases[k] -= (float)step;
            }
        }
    }

    [TestMethod]
    public void A_strong_l1_term_makes_weights_zero()
    {
        var (ml, data) = Data();
        var (weights, _) = Read(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(l1Regularization: 40, l2Regularization: 0).Fit(data).Model);
        Assert.IsGreaterThan(3, weights.Sum(w => w.Count(x => x == 0)));
        Assert.IsGreaterThan(0, weights.Sum(w => w.Count(x => x != 0)));
    }

    [TestMethod]
    public void Sdca_is_as_good_as_lbfgs_and_the_same_for_the_same_seed()
    {
        var (ml, data) = Data();
        var trainers = ml.MulticlassClassification.Trainers;
        double sdca = ml.MulticlassClassification.Evaluate(trainers.SdcaMaximumEntropy().Fit(data).Transform(data)).LogLoss;
        double lbfgs = ml.MulticlassClassification.Evaluate(trainers.LbfgsMaximumEntropy(l1Regularization: 0, l2Regularization: 0.4f).Fit(data).Transform(data)).LogLoss;
        Assert.AreEqual(lbfgs, sdca, 0.02);
        var (again, sameData) = Data();
        double second = again.MulticlassClassification.Evaluate(again.MulticlassClassification.Trainers.SdcaMaximumEntropy().Fit(sameData).Transform(sameData)).LogLoss;
        Assert.AreEqual(sdca, second);
    }

    [TestMethod]
    public void Scores_are_probabilities_with_the_names_of_the_classes()
    {
        var (ml, data) = Data(60);
        var scored = ml.MulticlassClassification.Trainers.SdcaMaximumEntropy().Fit(data).Transform(data);
        foreach (var score in scored.GetColumn<float[]>("Score"))
            Assert.AreEqual(1, score.Sum(), 1e-5);
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        scored.Schema["Score"].GetSlotNames(ref names);
        CollectionAssert.AreEqual(new[] { "a", "b", "c" }, names.DenseValues().Select(n => n.ToString()).ToArray());
        Assert.IsTrue(scored.Schema["PredictedLabel"].HasKeyValues());
    }

    [TestMethod]
    public void Wrong_columns_are_told()
    {
        var (ml, data) = Data(10);
        var trainer = ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(labelColumnName: "Kind");
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(data));
        Assert.Contains("Schema mismatch for label column 'Kind'", error.Message);
        Assert.ThrowsExactly<InvalidOperationException>(() => ml.MulticlassClassification.Trainers.SdcaMaximumEntropy().Fit(Data(0).Item2));
    }
}
