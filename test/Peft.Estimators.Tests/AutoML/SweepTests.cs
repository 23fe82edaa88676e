using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.AutoML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.SearchSpace;
using Microsoft.ML.SearchSpace.Option;
using Peft.Estimators.AutoML;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Tests.AutoML;

/// <summary>Fine-tunes whose settings an experiment chooses.</summary>
[TestClass]
public sealed class SweepTests
{
    private static PeftFineTuneOptions Options(AdapterOptions? adapter) => new()
    {
        Model = Data.BaseModel,
        InputColumn = nameof(Row.Description),
        MaxLength = 24,
        Epochs = 1,
        BatchSize = 8,
        Adapter = adapter,
    };

    [TestMethod]
    public void The_space_is_what_the_settings_of_the_method_say()
    {
        var space = PeftSearchSpace.Of(Options(new LoraOptions { Rank = 8, Alpha = 16, Dropout = 0.1 }) with { LearningRate = 2e-3 });

        CollectionAssert.AreEquivalent(new[] { PeftSearchSpace.LearningRate, PeftSearchSpace.Adapter }, space.Keys.ToArray());
        var lora = (Microsoft.ML.SearchSpace.SearchSpace)space[PeftSearchSpace.Adapter];
        CollectionAssert.AreEquivalent(new[] { "Rank", "Alpha", "Dropout" }, lora.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { 4, 8, 16, 32, 64 }, ((ChoiceOption)lora["Rank"]).Choices.Select(c => c.AsType<int>()).ToArray());
        var start = space.SampleFromFeatureSpace(space.Default);
        Assert.AreEqual(2e-3, start["LearningRate"].AsType<double>(), 1e-12);
        Assert.AreEqual(8, start["Adapter"]["Rank"].AsType<int>());
        Assert.AreEqual(16, start["Adapter"]["Alpha"].AsType<double>(), 1e-9);
        Assert.AreEqual(0.1, start["Adapter"]["Dropout"].AsType<double>(), 1e-12);
    }

    [TestMethod]
    public void A_value_to_start_from_outside_the_usual_range_widens_it()
    {
        var space = PeftSearchSpace.Of(Options(new LoraOptions { Rank = 128, Alpha = 256 }) with { LearningRate = 0.05 });

        var lora = (Microsoft.ML.SearchSpace.SearchSpace)space["Adapter"];
        Assert.AreEqual(128, ((ChoiceOption)lora["Rank"]).Choices[^1].AsType<int>());
        Assert.AreEqual(256, ((UniformDoubleOption)lora["Alpha"]).Max);
        Assert.AreEqual(0.05, ((UniformDoubleOption)space["LearningRate"]).Max);
    }

    [TestMethod]
    public void Without_adapter_the_learning_rate_is_searched_alone()
        => CollectionAssert.AreEqual(new[] { "LearningRate" }, PeftSearchSpace.Of(Options(null)).Keys.ToArray());

    [TestMethod]
    public void What_is_chosen_goes_into_the_options_and_the_rest_stays()
    {
        var given = Options(new LoraOptions { Rank = 8, Start = LoraStart.Gaussian, TargetModules = TargetModules.Named("query") });
        var chosen = PeftSearchSpace.Of(given).SampleFromFeatureSpace([0.5, 0.25, 0.9, 0.0]);   // alpha, dropout, rank; learning rate
        var options = PeftSearchSpace.Apply(given, chosen);

        var lora = (LoraOptions)options.Adapter!;
        Assert.AreEqual(16, lora.Alpha, 1e-9);
        Assert.AreEqual(0.05, lora.Dropout, 1e-12);
        Assert.AreEqual(64, lora.Rank);
        Assert.AreEqual(LoraStart.Gaussian, lora.Start);
        CollectionAssert.AreEqual(new[] { "query" }, lora.TargetModules!.Names!.ToArray());
        Assert.AreEqual(1e-4, options.LearningRate, 1e-15);
        Assert.AreEqual(given.MaxLength, options.MaxLength);
        Assert.AreEqual(8, ((LoraOptions)given.Adapter!).Rank);
    }

    public static IEnumerable<object[]> Methods => typeof(AdapterOptions).Assembly.GetTypes()
        .Where(t => t.IsSubclassOf(typeof(AdapterOptions)) && !t.IsAbstract && t.GetConstructor([]) is not null && IsComplete(t)).Select(t => new object[] { t });

    // Some methods need a setting that has no default; their spaces are those of the other settings.
    private static bool IsComplete(Type method)
    {
        try
        {
            ((AdapterOptions)Activator.CreateInstance(method)!).Validate();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Every_method_starts_from_its_own_values_and_takes_every_corner_of_its_space(Type method)
    {
        var adapter = (AdapterOptions)Activator.CreateInstance(method)!;
        var options = Options(null) with { Adapter = adapter };
        var space = PeftSearchSpace.Of(options);

        var start = PeftSearchSpace.Apply(options, space.SampleFromFeatureSpace(space.Default)).Adapter!;
        using var expected = JsonDocument.Parse(adapter.ToJson());
        using var actual = JsonDocument.Parse(start.ToJson());
        foreach (var field in expected.RootElement.EnumerateObject())
        {
            var other = actual.RootElement.GetProperty(field.Name);
            if (field.Value.ValueKind == JsonValueKind.Number)
                Assert.AreEqual(field.Value.GetDouble(), other.GetDouble(), 1e-9, field.Name);
            else
                Assert.AreEqual(field.Value.GetRawText(), other.GetRawText(), field.Name);
        }

        foreach (var corner in new[] { 0, 0.5, 1 })
            PeftSearchSpace.Apply(options, space.SampleFromFeatureSpace([.. Enumerable.Repeat(corner, space.FeatureSpaceDim)]));
    }

    [TestMethod]
    [DataRow("""{"Epochs": 3}""", "Epochs")]
    [DataRow("""{"Adapter": {"TargetModules": "x"}}""", "TargetModules")]
    public void A_setting_that_cannot_be_searched_is_refused(string json, string name)
    {
        var parameter = JsonSerializer.Deserialize<Parameter>(json)!;
        var error = Assert.ThrowsExactly<ArgumentException>(() => PeftSearchSpace.Apply(Options(new LoraOptions()), parameter));
        Assert.Contains($"'{name}'", error.Message);
    }

    [TestMethod]
    public void A_value_outside_what_the_setting_takes_is_refused()
    {
        var parameter = JsonSerializer.Deserialize<Parameter>("""{"Adapter": {"Dropout": 1.5}}""")!;
        var error = Assert.ThrowsExactly<FormatException>(() => PeftSearchSpace.Apply(Options(new LoraOptions()), parameter));
        Assert.Contains("Dropout", error.Message);
    }

    [TestMethod]
    public void An_experiment_trains_and_keeps_the_best_alone()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.TrainTestSplit(Data.View(ml, 36), 0.3, seed: 1);
        var heard = new Heard();
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(ml.Auto().PeftFineTune(Options(new LoraOptions { Rank = 4 })), ml.Auto().PeftFineTune(Options(null)));
        var best = ml.Auto().CreateExperiment()
            .SetPipeline(pipeline)
            .SetDataset(data)
            .SetMulticlassClassificationMetric(MulticlassClassificationMetric.LogLoss, "Label")
            .SetMonitor(new BestModelOnly(heard))
            .SetRandomSearchTuner()
            .SetMaxModelToExplore(4)
            .Run();

        Assert.HasCount(4, heard.Completed);
        Assert.AreEqual(heard.Completed.Min(r => r.Loss), best.Loss);
        Assert.HasCount(2, heard.Completed.Select(r => r.TrialSettings.Parameter["_pipeline_"]["_SCHEMA_"].AsType<string>()).Distinct().ToArray(), "both methods are tried");
        var scored = best.Model.Transform(data.TestSet);
        Assert.AreEqual(best.Metric, ml.MulticlassClassification.Evaluate(scored).LogLoss, 1e-9);
        foreach (var loser in heard.Completed.Where(r => r != best))
            Assert.Throws<InvalidOperationException>(() => loser.Model.Transform(data.TestSet).GetColumn<float[]>("Score").ToArray(), $"trial {loser.TrialSettings.TrialId}");
        Assert.AreEqual(4, best.TrialSettings.Parameter["_pipeline_"].Keys.Count(k => k.StartsWith('e')) + 1, "three steps and the choice of the pipeline");
        ((IDisposable)best.Model).Dispose();
    }

    [TestMethod]
    public void An_experiment_takes_methods_that_prune_on_the_way_as_they_come()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.TrainTestSplit(Data.View(ml, 24), 0.3, seed: 1);
        var heard = new Heard();
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(ml.Auto().PeftFineTune(Options(new HeatOptions())), ml.Auto().PeftFineTune(Options(new PearOptions())));
        ml.Auto().CreateExperiment()
            .SetPipeline(pipeline)
            .SetDataset(data)
            .SetMulticlassClassificationMetric(MulticlassClassificationMetric.LogLoss, "Label")
            .SetMonitor(heard)
            .SetRandomSearchTuner()
            .SetMaxModelToExplore(4)
            .Run();

        Assert.HasCount(4, heard.Completed);
        var methods = new HashSet<string>();
        foreach (var model in heard.Completed.Select(trial => (IDisposable)trial.Model))
        {
            var folder = Directory.CreateTempSubdirectory("peft-sweep-");
            ((IEnumerable<ITransformer>)model).OfType<PeftFineTuneTransformer>().Single().SaveAdapter(folder.FullName);
            var adapter = AdapterCheckpoint.ReadOptions(folder.FullName);
            folder.Delete(recursive: true);
            Assert.IsTrue(adapter is HeatOptions { SilentHeads.Count: 4 } or PearOptions { Donors.Count: > 0 }, adapter.ToJson());
            methods.Add(adapter.Method.Name);
            model.Dispose();
        }

        Assert.HasCount(2, methods, "both methods are tried");
    }

    /// <summary>Keeps what was told.</summary>
    private sealed class Heard : IMonitor
    {
        public List<TrialResult> Completed { get; } = [];

        public void ReportCompletedTrial(TrialResult result) => Completed.Add(result);

        public void ReportBestTrial(TrialResult result)
        {
        }

        public void ReportFailTrial(TrialSettings settings, Exception? exception = null) => Assert.Fail(exception?.ToString() ?? "no reason");

        public void ReportRunningTrial(TrialSettings settings)
        {
        }
    }
}
