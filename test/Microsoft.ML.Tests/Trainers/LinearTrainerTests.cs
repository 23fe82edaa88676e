using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

namespace FoundationTests.Trainers;

/// <summary>Linear trainers of two classes and of numbers end where their objective, written down here once more, has its minimum.</summary>
[TestClass]
public sealed class LinearTrainerTests
{
    public sealed class Row
    {
        public bool Label { get; set; }
        public float Number { get; set; }
        public float Count { get; set; }
        public float Weight { get; set; }
        [VectorType(3)] public float[] Features { get; set; } = [];
    }

    private static (MLContext, IDataView, Row[]) Data(int count = 300)
    {
        var random = new Random(3);
        float Normal() => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        var rows = Enumerable.Range(0, count).Select(_ =>
        {
            float[] x = [Normal(), Normal(), Normal()];
            double score = 1.2 * x[0] - 0.7 * x[1] + 0.4;
            return new Row
            {
                Features = x,
                Label = random.NextDouble() < 1 / (1 + Math.Exp(-score)),
                Number = (float)(2 * x[0] - x[2] + 0.5) + 0.3f * Normal(),
                Count = random.Next(4) == 0 ? 0 : (float)Math.Round(Math.Exp(0.5 * score) + 0.3 * Math.Abs(Normal())),
                Weight = 0.5f + (float)random.NextDouble(),
            };
        }).ToArray();
        var ml = new MLContext(1);
        return (ml, ml.Data.LoadFromEnumerable(rows), rows);
    }

    private static double Score(Row row, double[] w) => w[0] + w[1] * row.Features[0] + w[2] * row.Features[1] + w[3] * row.Features[2];

    private static double[] Read(LinearModelParameters model) => [model.Bias, .. model.Weights];

    private static double LogLoss(Row row, double[] w) => Math.Log(1 + Math.Exp(row.Label ? -Score(row, w) : Score(row, w)));

    /// <summary>No step of one variable makes the objective smaller by more than the tolerance.</summary>
    private static void AssertMinimum(double[] w, Func<double[], double> objective, double tolerance = 1e-7, bool nonNegative = false)
    {
        double best = objective(w);
        for (int i = 0; i < w.Length; i++)
        {
            foreach (double step in new[] { 3e-2, -3e-2, 3e-3, -3e-3 })
            {
                var moved = w.ToArray();
                moved[i] += step;
                if (nonNegative && i > 0 && moved[i] < 0)
                    continue;
                Assert.IsGreaterThan(best - tolerance, objective(moved), $"variable {i}, step {step}");
            }
        }
    }

    [TestMethod]
    [DataRow(0f, 1f, false)]
    [DataRow(2f, 0.5f, false)]
    [DataRow(1f, 1f, true)]
    public void Lbfgs_logistic_regression(float l1, float l2, bool nonNegative)
    {
        var (ml, data, rows) = Data();
        var model = ml.BinaryClassification.Trainers.LbfgsLogisticRegression(exampleWeightColumnName: "Weight", l1Regularization: l1, l2Regularization: l2,
            enforceNonNegativity: nonNegative, optimizationTolerance: 1e-12f).Fit(data).Model;
        double total = rows.Sum(r => r.Weight);
        AssertMinimum(Read(model.SubModel), w => (rows.Sum(r => r.Weight * LogLoss(r, w)) + l2 / 2 * w.Skip(1).Sum(x => x * x)) / total
            + l1 / rows.Length * w.Skip(1).Sum(Math.Abs), nonNegative: nonNegative);
        Assert.AreEqual(-1, model.Calibrator.Slope);
        Assert.AreEqual(0, model.Calibrator.Offset);
        if (nonNegative)
            Assert.IsTrue(model.SubModel.Weights.All(w => w >= 0) && model.SubModel.Weights.Any(w => w == 0));
    }

    [TestMethod]
    [DataRow(0.05f, 0f)]
    [DataRow(0.05f, 0.5f)]
    public void Sdca_logistic_regression_with_its_bias_penalised_too(float l2, float threshold)
    {
        var (ml, data, rows) = Data();
        var options = new Microsoft.ML.Trainers.SdcaLogisticRegressionBinaryTrainer.Options
        {
            L2Regularization = l2,
            L1Regularization = threshold,
            MaximumNumberOfIterations = 2000,
            ConvergenceTolerance = 1e-6f,
            ExampleWeightColumnName = "Weight",
            PositiveInstanceWeight = 1.5f,
        };
        var model = ml.BinaryClassification.Trainers.SdcaLogisticRegression(options).Fit(data).Model;
        AssertMinimum(Read(model.SubModel), w => rows.Sum(r => r.Weight * (r.Label ? 1.5 : 1) * LogLoss(r, w)) / rows.Length + l2 / 2 * w.Sum(x => x * x)
            + l2 * threshold * w.Sum(Math.Abs), 2e-6);
    }

    [TestMethod]
    public void Sdca_hinge_loss_and_its_smooth_form()
    {
        var (ml, data, rows) = Data();
        foreach (ISupportSdcaClassificationLoss loss in new ISupportSdcaClassificationLoss[] { new HingeLoss(), new SmoothedHingeLoss(0.5f) })
        {
            var options = new SdcaNonCalibratedBinaryTrainer.Options { LossFunction = loss, L2Regularization = 0.02f, MaximumNumberOfIterations = 3000, ConvergenceTolerance = 1e-4f };
            var model = ml.BinaryClassification.Trainers.SdcaNonCalibrated(options).Fit(data).Model;
            AssertMinimum(Read(model), w => rows.Average(r => loss.Loss((float)Score(r, w), r.Label ? 1 : 0)) + 0.01 * w.Sum(x => x * x), 1e-4);
        }
    }

    [TestMethod]
    public void Sdca_regression_is_ridge_regression()
    {
        var (ml, data, rows) = Data();
        var options = new SdcaRegressionTrainer.Options { LabelColumnName = "Number", L2Regularization = 0.1f, MaximumNumberOfIterations = 2000, ConvergenceTolerance = 1e-7f };
        var learnt = Read(ml.Regression.Trainers.Sdca(options).Fit(data).Model);
        var expected = Solve(rows, 0.1 * rows.Length / 2);
        for (int i = 0; i < 4; i++)
            Assert.AreEqual(expected[i], learnt[i], 2e-3, $"variable {i}");
    }

    /// <summary>(XᵀX + λ)⁻¹ Xᵀy by elimination, with a column of ones first.</summary>
    private static double[] Solve(Row[] rows, double lambda)
    {
        var a = new double[4, 5];
        foreach (var row in rows)
        {
            double[] x = [1, .. row.Features];
            for (int i = 0; i < 4; i++)
            {
                for (int j = 0; j < 4; j++)
                    a[i, j] += x[i] * x[j];
                a[i, 4] += x[i] * row.Number;
            }
        }
        for (int i = 0; i < 4; i++)
            a[i, i] += lambda;
        for (int i = 0; i < 4; i++)
        {
            for (int k = 0; k < 4; k++)
            {
                double factor = k == i ? 0 : a[k, i] / a[i, i];
                for (int j = 0; j < 5; j++)
                    a[k, j] -= factor * a[i, j];
            }
        }
        return Enumerable.Range(0, 4).Select(i => a[i, 4] / a[i, i]).ToArray();
    }

    [TestMethod]
    public void Poisson_regression_and_negative_counts()
    {
        var (ml, data, rows) = Data();
        var transformer = ml.Regression.Trainers.LbfgsPoissonRegression("Count", l1Regularization: 0.5f, l2Regularization: 2, optimizationTolerance: 1e-12f).Fit(data);
        var w = Read(transformer.Model);
        AssertMinimum(w, v => (rows.Sum(r => Math.Exp(Score(r, v)) - r.Count * Score(r, v)) + v.Skip(1).Sum(x => x * x)) / rows.Length
            + 0.5 / rows.Length * v.Skip(1).Sum(Math.Abs));
        float[] scores = transformer.Transform(data).GetColumn<float>("Score").ToArray();
        Assert.AreEqual(Math.Exp(Score(rows[5], w)), scores[5], 1e-4);
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => ml.Regression.Trainers.LbfgsPoissonRegression("Number").Fit(data));
        Assert.Contains("non-negative label", error.Message);
    }

    [TestMethod]
    public void Online_gradient_descent_comes_near_least_squares()
    {
        var (ml, data, rows) = Data(2000);
        var learnt = Read(ml.Regression.Trainers.OnlineGradientDescent("Number", numberOfIterations: 20).Fit(data).Model);
        var expected = Solve(rows, 0);
        for (int i = 0; i < 4; i++)
            Assert.AreEqual(expected[i], learnt[i], 0.05, $"variable {i}");
    }

    /// <summary>Three rows in order, by hand: squared loss, rate 0.1 / sqrt(row), mean of the weights after each row.</summary>
    [TestMethod]
    public void Online_gradient_descent_by_hand()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(new[]
        {
            new Row { Number = 1, Features = [1, 0, 0] }, new Row { Number = 2, Features = [0, 1, 0] }, new Row { Number = -1, Features = [1, 1, 0] },
        });
        var options = new OnlineGradientDescentTrainer.Options { LabelColumnName = "Number", Shuffle = false, LazyUpdate = false };
        double b = 0, x = 0, y = 0, sumB = 0, sumX = 0, sumY = 0;
        int seen = 0;
        foreach (var (label, f, g) in new[] { (1.0, 1, 0), (2, 0, 1), (-1, 1, 1) })
        {
            double step = -0.1 / Math.Sqrt(++seen) * 2 * (b + x * f + y * g - label);
            b += step;
            x += step * f;
            y += step * g;
            sumB += b;
            sumX += x;
            sumY += y;
        }
        var model = ml.Regression.Trainers.OnlineGradientDescent(options).Fit(data).Model;
        Assert.AreEqual(sumB / 3, model.Bias, 1e-6);
        Assert.AreEqual(sumX / 3, model.Weights[0], 1e-6);
        Assert.AreEqual(sumY / 3, model.Weights[1], 1e-6);
        Assert.AreEqual(0, model.Weights[2]);
    }

    [TestMethod]
    public void The_perceptron_separates_what_can_be_separated()
    {
        var (ml, _, rows) = Data();
        foreach (var row in rows)
            row.Label = row.Features[0] + row.Features[1] > 0.2;
        var data = ml.Data.LoadFromEnumerable(rows);
        var scored = ml.BinaryClassification.Trainers.AveragedPerceptron().Fit(data).Transform(data);
        Assert.IsGreaterThan(0.97, ml.BinaryClassification.EvaluateNonCalibrated(scored).Accuracy);
    }

    [TestMethod]
    public void Scores_probabilities_and_labels_agree_and_the_threshold_moves_the_label()
    {
        var (ml, data, rows) = Data();
        var transformer = ml.BinaryClassification.Trainers.SdcaLogisticRegression().Fit(data);
        var scored = transformer.Transform(data);
        var score = scored.GetColumn<float>("Score").ToArray();
        var probability = scored.GetColumn<float>("Probability").ToArray();
        var label = scored.GetColumn<bool>("PredictedLabel").ToArray();
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.AreEqual(1 / (1 + Math.Exp(-score[i])), probability[i], 1e-6);
            Assert.AreEqual(score[i] > 0, label[i]);
        }
        Assert.AreEqual("PredictedLabel, Score, Probability", string.Join(", ", scored.Schema.Skip(data.Schema.Count).Select(c => c.Name)));
        Assert.IsTrue(scored.Schema["Probability"].IsNormalized());
        var strict = ml.BinaryClassification.ChangeModelThreshold(transformer, 1.5f);
        CollectionAssert.AreEqual(score.Select(s => s > 1.5f).ToArray(), strict.Transform(data).GetColumn<bool>("PredictedLabel").ToArray());
        Assert.IsGreaterThan(0.7, ml.BinaryClassification.Evaluate(scored).Accuracy);
    }

    [TestMethod]
    public void Training_goes_on_from_a_model()
    {
        var (ml, data, _) = Data();
        var trainer = ml.BinaryClassification.Trainers.LbfgsLogisticRegression(l1Regularization: 0, optimizationTolerance: 1e-12f);
        var whole = trainer.Fit(data).Model.SubModel;
        var one = new LbfgsLogisticRegressionBinaryTrainer.Options { L1Regularization = 0, MaximumNumberOfIterations = 1 };
        var again = ml.BinaryClassification.Trainers.LbfgsLogisticRegression(one).Fit(data, whole).Model.SubModel;
        var fresh = ml.BinaryClassification.Trainers.LbfgsLogisticRegression(one).Fit(data).Model.SubModel;
        Assert.AreEqual(whole.Bias, again.Bias, 1e-4);
        Assert.AreNotEqual(whole.Bias, fresh.Bias, 1e-2);
    }

    [TestMethod]
    public void Training_statistics_are_deviances()
    {
        var (ml, data, rows) = Data();
        var options = new LbfgsLogisticRegressionBinaryTrainer.Options { ShowTrainingStatistics = true, L1Regularization = 0 };
        var model = ml.BinaryClassification.Trainers.LbfgsLogisticRegression(options).Fit(data).Model.SubModel;
        Assert.AreEqual(300, model.Statistics.TrainingExampleCount);
        Assert.AreEqual(4, model.Statistics.ParametersCount);
        Assert.AreEqual(2 * rows.Sum(r => LogLoss(r, Read(model))), model.Statistics.Deviance, 1e-2);
        double p = rows.Average(r => r.Label ? 1.0 : 0);
        Assert.AreEqual(-600 * (p * Math.Log(p) + (1 - p) * Math.Log(1 - p)), model.Statistics.NullDeviance, 1e-2);
    }

    [TestMethod]
    public void Wrong_options_are_refused()
    {
        var ml = new MLContext(1);
        Assert.Contains("non-negative", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.LbfgsPoissonRegression(l2Regularization: -1)).Message);
        Assert.Contains("no larger than 1", Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => ml.Regression.Trainers.Sdca(new SdcaRegressionTrainer.Options { ConvergenceTolerance = 2 })).Message);
        Assert.Contains("[0, 0.5)", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Regression.Trainers.OnlineGradientDescent(l2Regularization: 0.5f)).Message);
        var (_, data, _) = Data(20);
        Assert.Contains("Schema mismatch for label column 'Number'",
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.BinaryClassification.Trainers.SdcaLogisticRegression("Number").Fit(data)).Message);
    }
}
