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

    /// <summary>The loss that dual coordinate ascent minimises: of the label's score minus each other one, biases penalised like weights.</summary>
    [TestMethod]
    [DataRow(0f, true)]
    [DataRow(0.5f, true)]
    [DataRow(0f, false)]
    public void Sdca_ends_where_no_small_step_helps(float threshold, bool log)
    {
        const float l2 = 0.02f;
        var (ml, data) = Data();
        ISupportSdcaClassificationLoss loss = log ? new LogLoss() : new SmoothedHingeLoss();
        var options = new SdcaNonCalibratedMulticlassTrainer.Options
        {
            Loss = loss,
            L2Regularization = l2,
            L1Regularization = threshold,
            MaximumNumberOfIterations = 1000,
            ConvergenceTolerance = 1e-5f,
        };
        VBuffer<float>[] vectors = null!;
        var model = ml.MulticlassClassification.Trainers.SdcaNonCalibrated(options).Fit(data).Model;
        model.GetWeights(ref vectors, out _);
        var w = model.GetBiases().Zip(vectors, (b, v) => v.DenseValues().Prepend(b).ToArray()).ToArray();
        var labels = data.GetColumn<uint>("Label").ToArray();
        var features = data.GetColumn<float[]>("Features").ToArray();
        double Objective()
        {
            double sum = 0;
            for (int i = 0; i < labels.Length; i++)
            {
                var scores = w.Select(v => v[0] + v.Skip(1).Zip(features[i], (a, b) => (double)a * b).Sum()).ToArray();
                for (int k = 0; k < scores.Length; k++)
                    sum += k == labels[i] - 1 ? 0 : loss.Loss((float)(scores[labels[i] - 1] - scores[k]), 1);
            }
            return sum / labels.Length + w.Sum(v => v.Sum(x => l2 / 2.0 * x * x + l2 * threshold * Math.Abs(x)));
        }
        double best = Objective();
        for (int k = 0; k < w.Length; k++)
        {
            for (int i = 0; i < w[k].Length; i++)
            {
                foreach (float step in new[] { 2e-2f, -2e-2f })
                {
                    w[k][i] += step;
                    Assert.IsGreaterThan(best - 1e-5, Objective(), $"class {k}, variable {i}, step {step}");
                    w[k][i] -= step;
                }
            }
        }
    }

    [TestMethod]
    public void Sdca_is_about_as_good_as_lbfgs_and_the_same_for_the_same_seed()
    {
        var (ml, data) = Data();
        var trainers = ml.MulticlassClassification.Trainers;
        var sdca = ml.MulticlassClassification.Evaluate(trainers.SdcaMaximumEntropy().Fit(data).Transform(data));
        var lbfgs = ml.MulticlassClassification.Evaluate(trainers.LbfgsMaximumEntropy(l1Regularization: 0, l2Regularization: 0.4f).Fit(data).Transform(data));
        Assert.AreEqual(lbfgs.MicroAccuracy, sdca.MicroAccuracy, 0.03);
        var (again, sameData) = Data();
        double second = again.MulticlassClassification.Evaluate(again.MulticlassClassification.Trainers.SdcaMaximumEntropy().Fit(sameData).Transform(sameData)).LogLoss;
        Assert.AreEqual(sdca.LogLoss, second);
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
