using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Tests;

/// <summary>Fit in a pipeline: it learns, says what it does, and repeats itself.</summary>
[TestClass]
public sealed class TrainingTests
{
    private static readonly TrainingOptions Short = new() { Epochs = 2, BatchSize = 8 };

    [TestMethod]
    public void A_fitted_chain_has_learned_the_sections()
    {
        var ml = new MLContext();
        var transformed = Models.Trained.Transform(Data.View(ml, 96));

        var metrics = ml.MulticlassClassification.Evaluate(transformed);

        Assert.IsGreaterThan(0.8, metrics.MicroAccuracy); // a third by chance
        var rows = ml.Data.CreateEnumerable<Predicted>(transformed, reuseRowObject: false).ToArray();
        var right = rows.Zip(Data.Rows(96)).Count(pair => pair.First.PredictedLabel == pair.Second.Section);
        Assert.AreEqual(metrics.MicroAccuracy, right / 96.0, 1e-12);
        var loss = rows.Zip(Data.Rows(96)).Average(pair => -Math.Log(pair.First.Score[Array.IndexOf(Data.Sections, pair.Second.Section)]));
        Assert.AreEqual(loss, metrics.LogLoss, 1e-6);
    }

    [TestMethod]
    public void The_transformer_tells_what_was_trained()
    {
        var model = Models.Trained.OfType<PeftFineTuneTransformer>().Single();

        // LoRA of rank 8 on query and value of four layers of width 256, pooler and head for three classes.
        var lora = 4 * 2 * 8 * (256 + 256);
        var head = (256 * 3) + 3;
        Assert.IsGreaterThanOrEqualTo(lora + head, model.TrainableCount);
        Assert.IsGreaterThan(4_000_000, model.TotalCount);
        CollectionAssert.AreEqual(Data.Sections, model.Labels.ToArray());
        Assert.AreEqual(48L, model.Report!.Steps);
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_scores_and_another_seed_others()
    {
        float[] Scores(int contextSeed, int? seed)
        {
            var ml = new MLContext(contextSeed);
            using var chain = Models.Pipeline(ml, Short, options => options with { Seed = seed }).Fit(Data.View(ml, 24));
            return [.. ml.Data.CreateEnumerable<Predicted>(chain.Transform(Data.View(ml, 6)), reuseRowObject: false).SelectMany(row => row.Score)];
        }

        var first = Scores(1, seed: 7);
        CollectionAssert.AreEqual(first, Scores(2, seed: 7), "the same option");
        CollectionAssert.AreNotEqual(first, Scores(1, seed: 8), "another option");
        CollectionAssert.AreEqual(Scores(3, seed: null), Scores(3, seed: null), "the same context seed");
        CollectionAssert.AreNotEqual(Scores(3, seed: null), Scores(4, seed: null), "another context seed");
    }

    [TestMethod]
    public void A_bare_catalog_trains_too()
    {
        var ml = new MLContext();
        var chain = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section))
            .Append(ml.Transforms.PeftFineTune(new() { Model = Data.BaseModel, InputColumn = nameof(Row.Description), MaxLength = 16, Epochs = 1 }));

        using var model = chain.Fit(Data.View(ml, 12));

        Assert.AreEqual(3, model.LastTransformer.Labels.Count);
    }

    [TestMethod]
    public void Without_an_adapter_the_head_alone_is_trained()
    {
        var ml = new MLContext(1);
        using var chain = Models.Pipeline(ml, Short, options => options with { Adapter = null }).Fit(Data.View(ml, 12));
        var model = chain.OfType<PeftFineTuneTransformer>().Single();

        Assert.IsLessThan(100_000, model.TrainableCount);
        Assert.HasCount(12, ml.Data.CreateEnumerable<Predicted>(chain.Transform(Data.View(ml, 12)), reuseRowObject: false).ToArray());
    }

    [TestMethod]
    public void A_start_is_measured_on_the_training_rows_and_repeats_itself()
    {
        var log = new List<string>();
        float[] Scores(LoraStart start)
        {
            var ml = new MLContext(1);
            ml.Log += (_, e) => log.Add(e.RawMessage);
            using var chain = Models.Pipeline(ml, Short, options => options with { Adapter = new LoraOptions { Rank = 4, Start = start } }).Fit(Data.View(ml, 24));
            using var file = new MemoryStream();
            ml.Model.Save(chain, Data.View(ml, 24).Schema, file);
            file.Position = 0;
            var scores = Of(ml, chain);
            Models.AssertClose(scores, Of(ml, ml.Model.Load(file, out _)));
            return scores;
        }

        float[] Of(MLContext ml, ITransformer model)
            => [.. ml.Data.CreateEnumerable<Predicted>(model.Transform(Data.View(ml, 6)), reuseRowObject: false).SelectMany(row => row.Score)];

        foreach (var start in new[] { LoraStart.Eva, LoraStart.Corda })
        {
            CollectionAssert.AreEqual(Scores(start), Scores(start), start.Name);
        }

        Assert.HasCount(4, log.Where(line => line.StartsWith("Measured the adapter's start on ", StringComparison.Ordinal)).ToArray());
        CollectionAssert.AreNotEqual(Scores(LoraStart.Eva), Scores(LoraStart.Default));
    }

    [TestMethod]
    public void Progress_and_log_follow_the_training()
    {
        var ml = new MLContext(1);
        var log = new List<string>();
        ml.Log += (_, e) =>
        {
            if (e.Source.StartsWith("PeftFineTune", StringComparison.Ordinal))
            {
                log.Add(e.RawMessage);
            }
        };
        var steps = new List<TrainingProgress>();

        using var chain = Models.Pipeline(ml, Short, options => options with { Progress = steps.Add }).Fit(Data.View(ml, 24));

        CollectionAssert.AreEqual(Enumerable.Range(1, 6).Select(step => (long)step).ToArray(), steps.Select(step => step.Step).ToArray());
        Assert.AreEqual(2, steps[^1].Epoch);
        Assert.HasCount(2, log.Where(line => line.StartsWith("Epoch ", StringComparison.Ordinal)));
        Assert.HasCount(1, log.Where(line => line.StartsWith("Trained 6 steps in ", StringComparison.Ordinal)));
        var model = chain.OfType<PeftFineTuneTransformer>().Single();
        Assert.HasCount(1, log.Where(line => line.Contains($"{model.TrainableCount.ToString("N0", CultureInfo.InvariantCulture)} of ", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Rows_without_a_label_are_skipped_and_counted()
    {
        var ml = new MLContext(1);
        var log = new List<string>();
        ml.Log += (_, e) => log.Add(e.RawMessage);
        var keys = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Fit(Data.View(ml, 2)); // "net" is unknown to it
        var chain = ml.PeftFineTune(new() { Model = Data.BaseModel, InputColumn = nameof(Row.Description), MaxLength = 16, Epochs = 1 });

        using var model = chain.Fit(keys.Transform(Data.View(ml, 12)));

        Assert.AreEqual(8L, model.Report!.Rows);
        CollectionAssert.Contains(log, "4 rows without a label were skipped.");
    }

    [TestMethod]
    public void A_device_that_cannot_be_had_is_told()
    {
        var ml = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = false };

        var error = Assert.ThrowsExactly<NotSupportedException>(() => Models.Pipeline(ml, Short).Fit(Data.View(ml, 6)));

        StringAssert.StartsWith(error.Message, "MLContext.GpuDeviceId is 0 and FallbackToCpu is false;");
    }

    [TestMethod]
    public void The_adapter_is_written_as_hugging_face_does()
    {
        var folder = Directory.CreateTempSubdirectory("peft-").FullName;
        try
        {
            Models.Trained.OfType<PeftFineTuneTransformer>().Single().SaveAdapter(folder);

            CollectionAssert.IsSubsetOf(
                new[] { "adapter_config.json", "adapter_model.safetensors" }, Directory.GetFiles(folder).Select(Path.GetFileName).ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
