using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Files of adapters whose start was computed: they stand on the base model as it is.</summary>
[TestClass]
public sealed class LoraStartFileTests
{
    private static readonly TextExample[] s_rows =
        [.. TinyBert.Words.Select((word, k) => new TextExample($"{word} {TinyBert.Words[(k + 3) % 10]}", k < 3 ? 0 : k < 6 ? 1 : 2))];

    public static IEnumerable<object[]> Residual => new[] { LoraStart.Corda, LoraStart.LoraGa, LoraStart.PissaIterated(4) }
        .SelectMany(start => new[] { new object[] { start, false }, [start, true] });

    public static IEnumerable<object[]> Starts => new[] { LoraStart.Eva, LoraStart.Corda, LoraStart.LoraGa, LoraStart.LoftQ, LoraStart.PissaIterated(4) }
        .Select(start => new object[] { new LoraOptions { Rank = 4, Alpha = 4, Start = start, LoraGa = new() { Scale = LoraGaScale.WeightSvd } } });

    [TestMethod]
    [DynamicData(nameof(Residual))]
    public void A_start_that_only_the_adapter_knows_is_written_as_plain_lora_of_twice_the_rank(LoraStart start, bool stabilized)
    {
        using var folder = new TinyBert();
        using var model = Trained(folder, new LoraOptions
        {
            Rank = 2,
            Alpha = 6,
            Start = start,
            RankStabilized = stabilized,
            RankPattern = new Dictionary<string, int> { [@"layer\.1\..*query"] = 4 },
            UseDora = start == LoraStart.Corda,
        });

        var config = Saved(model, folder);
        Assert.AreEqual(4, config["r"]!.GetValue<int>());
        Assert.AreEqual(stabilized ? 6 * Math.Sqrt(2) : 12, config["lora_alpha"]!.GetValue<double>());
        Assert.IsTrue(config["init_lora_weights"]!.GetValue<bool>());
        Assert.IsNull(config["corda_config"]);
        Assert.AreEqual("bert.encoder.layer.1.attention.self.query: 8", string.Join(", ", config["rank_pattern"]!.AsObject().Select(p => $"{p.Key}: {p.Value}")));
        AssertComesBack(model, folder);
    }

    [TestMethod]
    public void Eva_writes_the_ranks_that_it_has_given()
    {
        using var folder = new TinyBert();
        using var model = Trained(folder, new LoraOptions { Rank = 3, Alpha = 6, Start = LoraStart.Eva, TargetModules = TargetModules.Named("query", "output.dense") });

        var config = Saved(model, folder);
        Assert.AreEqual("eva", config["init_lora_weights"]!.GetValue<string>());
        var ranks = model.Adapter.Adapters.OfType<Lora>().ToDictionary(part => part.Path, part => part.Factors.Rank);
        Assert.AreEqual(6 * 3, ranks.Values.Sum());
        var written = config["rank_pattern"]!.AsObject().ToDictionary(p => p.Key, p => p.Value!.GetValue<int>());
        CollectionAssert.AreEquivalent(ranks.Where(r => r.Value != 3).ToArray(), written.ToArray());
        CollectionAssert.AreEquivalent(
            ranks.Where(r => r.Value != 3).Select(r => (r.Key, 2.0 * r.Value)).ToArray(),
            config["alpha_pattern"]!.AsObject().Select(p => (p.Key, p.Value!.GetValue<double>())).ToArray());
        AssertComesBack(model, folder);
    }

    [TestMethod]
    public void The_same_seed_measures_the_same_start()
    {
        using var folder = new TinyBert();
        foreach (var start in new[] { LoraStart.Eva, LoraStart.Corda, LoraStart.LoraGa })
        {
            var files = new[] { 0, 1 }.Select(_ =>
            {
                using var model = Trained(folder, new LoraOptions { Rank = 2, Start = start, LoraGa = new() { Direction = LoraGaDirection.Random } });
                Saved(model, folder);
                return File.ReadAllBytes(folder.PathOf("adapter/adapter_model.safetensors"));
            }).ToArray();
            Assert.IsTrue(files[0].SequenceEqual(files[1]), start.Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Starts))]
    public void A_base_in_BFloat16_starts_too(LoraOptions options) => TrainOn("cpu", options);

    [TestMethod]
    [TestCategory("Gpu")]
    [DynamicData(nameof(Starts))]
    public void A_base_on_a_GPU_starts_too(LoraOptions options)
    {
        if (!cuda.is_available())
        {
            Assert.Inconclusive("This machine, or this libtorch, has no CUDA.");
        }

        TrainOn("cuda", options);
    }

    [TestMethod]
    [DataRow("corda")]
    [DataRow("lora_ga")]
    public void A_file_that_stands_on_a_changed_base_is_refused(string start)
    {
        using var folder = new TinyBert();
        using var model = Trained(folder, new LoraOptions { Rank = 2 });
        var config = Saved(model, folder);
        config["init_lora_weights"] = start;
        File.WriteAllText(folder.PathOf("adapter/adapter_config.json"), config.ToJsonString());

        var error = Assert.ThrowsExactly<PeftException>(() => TextClassifier.LoadAdapter(folder.Folder, folder.PathOf("adapter"), model.Settings));
        StringAssert.Contains(error.Message, "path_initial_model_for_weight_conversion");
    }

    [TestMethod]
    public void The_settings_of_hugging_face_are_read_and_written()
    {
        const string Json = """
            {"peft_type": "LORA", "init_lora_weights": "pissa_niter_16",
             "eva_config": {"rho": 1.5, "tau": 0.9, "use_label_mask": false, "label_mask_value": -1, "whiten": true, "adjust_scaling_factors": false},
             "corda_config": {"cache_file": null, "covariance_file": "c", "corda_method": "kpm", "verbose": true, "use_float16_for_covariance": true, "prune_temporary_fields": false},
             "lora_ga_config": {"direction": "A2rBr", "scale": "gd_scale", "stable_gamma": 4},
             "loftq_config": {"loftq_bits": 8, "loftq_iter": 5}}
            """;
        var options = (LoraOptions)AdapterOptions.FromJson(Json, "test");

        Assert.AreEqual(LoraStart.PissaIterated(16), options.Start);
        Assert.AreEqual(new EvaOptions { Rho = 1.5, Tau = 0.9, UseLabelMask = false, LabelMaskValue = -1, Whiten = true, AdjustScalingFactors = false }, options.Eva);
        Assert.AreEqual(new() { CovarianceFile = "c", Method = CordaMethod.KnowledgePreserved, Verbose = true, UseBaseTypeForCovariance = true, PruneTemporaryFields = false }, options.Corda);
        Assert.AreEqual(new() { Direction = LoraGaDirection.A2rBr, Scale = LoraGaScale.GradientDescent, StableGamma = 4 }, options.LoraGa);
        Assert.AreEqual(new() { Bits = 8, Iterations = 5 }, options.LoftQ);
        var written = JsonNode.Parse(options.ToJson())!;
        foreach (var (name, value) in JsonNode.Parse(Json)!.AsObject())
        {
            Assert.IsTrue(JsonNode.DeepEquals(value, written[name]), $"{name}: {written[name]}");
        }

        var plain = (LoraOptions)AdapterOptions.FromJson("{\"peft_type\": \"LORA\", \"loftq_config\": {}, \"eva_config\": null}", "test");
        Assert.IsNull(plain.LoftQ);
        Assert.AreEqual("{}", JsonNode.Parse(plain.ToJson())!["loftq_config"]!.ToJsonString());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoraOptions { Eva = new() { Rho = 0.5 } }.Validate());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoraOptions { LoraGa = new() { StableGamma = 0 } }.Validate());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoraOptions { Calibration = new() { BatchSize = 0 } }.Validate());
    }

    // The model starts as it was, but for what LoftQ rounds away, and learns.
    private static void TrainOn(string device, LoraOptions options)
    {
        using var folder = new TinyBert();
        var settings = new ClassifierSettings { Labels = ["colour", "number", "animal"], Adapter = options, Device = device, Precision = ScalarType.BFloat16 };
        using var model = TextClassifier.Load(folder.Folder, settings);
        using var bare = TextClassifier.Load(folder.Folder, settings with { Adapter = null });
        string[] texts = [.. s_rows.Select(row => row.Text)];
        Trainer.Fit(model, s_rows, new() { Epochs = 1, BatchSize = 10, LearningRate = 1e-12 });
        foreach (var (expected, actual) in bare.Predict(texts).SelectMany(row => row).Zip(model.Predict(texts).SelectMany(row => row)))
        {
            Assert.AreEqual(expected, actual, 0.05);
        }

        var report = Trainer.Fit(model, s_rows, new() { Epochs = 10, BatchSize = 5, LearningRate = 1e-2 });
        Assert.IsNull(report.Start, "the start is measured once");
        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
    }

    private static TextClassifier Trained(TinyBert folder, LoraOptions options)
    {
        var model = TextClassifier.Load(folder.Folder, new() { Labels = ["colour", "number", "animal"], Adapter = options });
        var report = Trainer.Fit(model, s_rows, new() { Epochs = 3, BatchSize = 5, LearningRate = 1e-2 });
        Assert.AreEqual(options.Start.IsMeasured, report.Start is not null);
        return model;
    }

    private static JsonObject Saved(TextClassifier model, TinyBert folder)
    {
        model.SaveAdapter(folder.PathOf("adapter"));
        return JsonNode.Parse(File.ReadAllText(folder.PathOf("adapter/adapter_config.json")))!.AsObject();
    }

    private static void AssertComesBack(TextClassifier model, TinyBert folder)
    {
        using var package = new MemoryStream();
        model.Save(package);
        using var loaded = TextClassifier.LoadAdapter(folder.Folder, folder.PathOf("adapter"), model.Settings with { Seed = 99 });
        using var again = TextClassifier.Load(package.ToArray(), "package");
        foreach (var row in s_rows)
        {
            var expected = model.Predict([row.Text])[0];
            for (var k = 0; k < 3; k++)
            {
                Assert.AreEqual(expected[k], loaded.Predict([row.Text])[0][k], 1e-5);
                Assert.AreEqual(expected[k], again.Predict([row.Text])[0][k], 1e-5);
            }
        }
    }
}
