using Microsoft.ML;
using Microsoft.ML.AutoML;
using Microsoft.ML.Data;
using Microsoft.ML.SearchSpace;
using Microsoft.ML.SearchSpace.Option;

namespace FoundationTests.AutoML;

/// <summary>Pipelines with choices, and experiments that train them.</summary>
[TestClass]
public sealed class SweepablePipelineTests
{
    public sealed class Copying
    {
        [Choice("A", "B")] public string From { get; set; } = "A";
    }

    private sealed class Point
    {
        public float A { get; set; }
        public float B { get; set; }
        public string Kind { get; set; } = "";
    }

    private static SweepableEstimator Copy(string to) =>
        new MLContext().Auto().CreateSweepableEstimator((ml, o) => ml.Transforms.CopyColumns(to, o.From), new SearchSpace<Copying>());

    private static string[] Schemas(SweepablePipeline pipeline) =>
        ((ChoiceOption)pipeline.SearchSpace["_SCHEMA_"]).Choices.Select(c => c.AsType<string>()).ToArray();

    [TestMethod]
    public void Several_estimators_in_Append_are_a_choice()
    {
        var pipeline = Copy("x").Append(Copy("y"), Copy("z")).Append(Copy("u"), Copy("v"));
        CollectionAssert.AreEqual(new[] { "e0", "e1", "e2", "e3", "e4" }, pipeline.Estimators.Keys);
        CollectionAssert.AreEqual(new[] { "e0 * e1 * e3", "e0 * e1 * e4", "e0 * e2 * e3", "e0 * e2 * e4" }, Schemas(pipeline));
    }

    [TestMethod]
    public void A_pipeline_can_be_one_of_the_choices()
    {
        var two = Copy("y").Append(Copy("z"));
        var pipeline = Copy("x").Append(new MLContext().Transforms.CopyColumns("fixed", "A")).Append(two, Copy("w"));
        CollectionAssert.AreEqual(new[] { "e0 * e1 * e2 * e3", "e0 * e1 * e4" }, Schemas(pipeline));
        Assert.IsEmpty(pipeline.Estimators["e1"].SearchSpace);
    }

    [TestMethod]
    public void What_is_built_is_what_the_parameter_says()
    {
        var ml = new MLContext(1);
        var pipeline = Copy("x").Append(Copy("y"), Copy("z"));
        var parameter = Parameter.CreateNestedParameter();
        parameter["_SCHEMA_"] = Parameter.FromString("e0 * e2");
        parameter["e0"] = Parameter.FromObject(new Copying { From = "B" });
        parameter["e2"] = Parameter.FromObject(new Copying());
        var data = ml.Data.LoadFromEnumerable([new Point { A = 1, B = 2 }]);
        var output = pipeline.BuildFromOption(ml, parameter).Fit(data).Transform(data);
        Assert.AreEqual(2f, output.GetColumn<float>("x").Single());
        Assert.AreEqual(1f, output.GetColumn<float>("z").Single());
        Assert.IsNull(output.Schema.GetColumnOrNull("y"));
        Assert.AreEqual("e0 * e2", pipeline.CurrentParameter["_SCHEMA_"].AsType<string>());
    }

    [TestMethod]
    [DataRow("a", "a")]
    [DataRow("a*b+c", "a * b + c")]
    [DataRow("(a+b)*c", "(a + b) * c")]
    [DataRow(" a * ( b + c ) * d ", "a * (b + c) * d")]
    public void Expressions_are_read_and_written(string text, string written) => Assert.AreEqual(written, Entity.FromExpression(text).ToString());

    [TestMethod]
    [DataRow("")]
    [DataRow("a b")]
    [DataRow("a *")]
    [DataRow("(a")]
    [DataRow("a)")]
    [DataRow("a - b")]
    public void Expressions_that_are_none_are_refused(string text) => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Entity.FromExpression(text));

    [TestMethod]
    public void A_deeply_nested_expression_is_refused() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Entity.FromExpression(new string('(', 100_000)));

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void An_experiment_finds_the_column_that_tells_the_classes_apart(bool folds)
    {
        var ml = new MLContext(1);
        var random = new Random(5);
        var rows = Enumerable.Range(0, 120).Select(i => new Point { A = random.NextSingle(), B = i % 2 + 0.1f * random.NextSingle(), Kind = i % 2 == 0 ? "even" : "odd" }).ToArray();
        var data = ml.Data.LoadFromEnumerable(rows);
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(Copy("Feature"))
            .Append(ml.Transforms.Concatenate("Features", "Feature"))
            .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy());
        var experiment = ml.Auto().CreateExperiment().SetPipeline(pipeline)
            .SetMulticlassClassificationMetric(MulticlassClassificationMetric.MicroAccuracy, "Label")
            .SetMaxModelToExplore(6);
        experiment = folds ? experiment.SetDataset(data, 3) : experiment.SetDataset(ml.Data.TrainTestSplit(data, 0.3));
        var heard = new List<string>();
        ml.Log += (_, e) => heard.Add(e.RawMessage);
        var best = experiment.SetRandomSearchTuner().Run();
        Assert.AreEqual("B", best.TrialSettings.Parameter["_pipeline_"]["e1"]["From"].AsType<string>());
        Assert.IsGreaterThan(0.95, best.Metric);
        Assert.AreEqual(-best.Metric, best.Loss);
        Assert.AreEqual("odd", Predicted(ml, best.Model, new Point { B = 1 }));
        Assert.IsTrue(heard.Any(m => m.StartsWith("Update Best Trial", StringComparison.Ordinal)), "the log heard nothing of the best trial");
    }

    private static string Predicted(MLContext ml, ITransformer model, Point point)
    {
        var output = model.Append(ml.Transforms.Conversion.MapKeyToValue("Word", "PredictedLabel").Fit(model.Transform(ml.Data.LoadFromEnumerable([point]))))
            .Transform(ml.Data.LoadFromEnumerable([point]));
        return output.GetColumn<string>("Word").Single();
    }

    [TestMethod]
    public void A_share_of_the_training_rows_can_be_part_of_the_search()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 100).Select(i => new Point { A = i }).ToArray());
        var seen = new List<long>();
        var counting = new SweepableEstimator((m, _) => m.Transforms.CopyColumns("x", "A"), new Microsoft.ML.SearchSpace.SearchSpace());
        var experiment = ml.Auto().CreateExperiment().SetPipeline(counting.Append(counting)).SetDataset(data, data, subSamplingTrainDataset: true)
            .SetTrialRunner(services => new ScriptedRunner((TrialSettings s) =>
            {
                var sets = (ITrainValidateDatasetManager)services.GetService(typeof(IDatasetManager))!;
                seen.Add(sets.LoadTrainDataset(ml, s).GetColumn<float>("A").LongCount());
                return 0;
            })).SetMaxModelToExplore(5);
        experiment.Run();
        Assert.AreEqual(10, seen[0], "the default is a tenth");
        Assert.IsTrue(seen.All(n => n is >= 10 and <= 100));
    }
}
