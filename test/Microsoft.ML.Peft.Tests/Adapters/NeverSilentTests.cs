using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What would do nothing, or less than was asked for, says so.</summary>
[TestClass]
public sealed class NeverSilentTests
{
    private static readonly string[] s_labels = ["colour", "number", "animal"];

    private TinyBert _folder = null!;

    [TestInitialize]
    public void Open() => _folder = new TinyBert();

    [TestCleanup]
    public void Close() => _folder.Dispose();

    [TestMethod]
    public void An_adapter_that_has_not_moved_after_the_warm_up()
    {
        var rows = TinyBert.Words.Select((word, k) => new TextExample(word, k % 3)).ToArray();
        using var still = Load(new LoraOptions());
        var report = Trainer.Fit(still, rows, new() { Epochs = 2, BatchSize = 5, LearningRate = 1e-60 });
        StringAssert.Contains(report.Notes.Single(), "The adapter still changes no weight after");

        using var moving = Load(new LoraOptions());
        Assert.IsEmpty(Trainer.Fit(moving, rows, new() { Epochs = 2, BatchSize = 5, LearningRate = 1e-3 }).Notes);
    }

    [TestMethod]
    public void Targets_that_match_nothing_or_only_in_part()
    {
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Load(new LoraOptions { TargetModules = TargetModules.Named("q_proj") })).Message, "'q_proj' matches no layer");
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Load(new LoraOptions { TargetModules = TargetModules.Matching(".*q_proj") })).Message, "matches no layer");
        using var partly = Load(new LoraOptions { TargetModules = TargetModules.Named("query", "v_proj") });
        StringAssert.Contains(partly.Notes.Single(), "no layer is called v_proj");
        using var whole = Load(new LoraOptions { TargetModules = TargetModules.Named("query", "value") });
        Assert.IsEmpty(whole.Notes);
    }

    [TestMethod]
    [DataRow("'layers_to_transform': [0, 7]", "layers_to_transform names the blocks 7, which this model does not have; it has 0 to 1.")]
    [DataRow("'exclude_modules': ['value', 'v_proj']", "exclude_modules names v_proj, which matches no layer.")]
    [DataRow("'exclude_modules': '.*v_proj'", "exclude_modules names .*v_proj, which matches no layer.")]
    [DataRow("'modules_to_save': ['classifier', 'score', 'pooler', 'lm_head']", "modules_to_save names lm_head, which matches no layer: nothing is trained or saved for it.")]
    [DataRow("'rank_pattern': {'query': 4, 'key': 2}", "rank_pattern has key, which matches no layer that is adapted.")]
    [DataRow("'alpha_pattern': {'1.attention.self.query': 4, '2.attention.self.query': 2}", "alpha_pattern has 2.attention.self.query, which matches no layer that is adapted.")]
    public void Settings_that_name_what_is_not_there(string field, string note)
    {
        var options = (LoraOptions)AdapterOptions.FromJson($"{{\"peft_type\": \"LORA\", {field.Replace('\'', '"')}}}", "file");
        using var model = Load(options);
        Assert.AreEqual(note, model.Notes.Single());
    }

    [TestMethod]
    public void A_head_that_was_not_saved()
    {
        using var model = Load(new LoraOptions());
        var saved = _folder.PathOf("adapter");
        model.SaveAdapter(saved);
        var path = Path.Combine(saved, "adapter_model.safetensors");
        using (var reader = SafetensorsReader.Open(path))
        {
            var kept = reader.Entries.Keys.Where(k => !k.Contains("classifier", StringComparison.Ordinal)).ToDictionary(k => k, reader.Read);
            reader.Dispose();
            SafetensorsWriter.Write(path, kept);
        }

        var error = Assert.ThrowsExactly<ModelFormatException>(() => TextClassifier.LoadAdapter(_folder.Folder, saved, model.Settings));
        StringAssert.Contains(error.Message, "it lacks base_model.model.classifier.bias, base_model.model.classifier.weight");
    }

    [TestMethod]
    public void Expert_tensors_of_a_model_without_experts()
    {
        var options = new LoraOptions { TargetParameters = ["mlp.experts.gate_up_proj"] };
        var error = Assert.ThrowsExactly<PeftException>(() => Load(options));
        StringAssert.Contains(error.Message, "target_parameters names mlp.experts.gate_up_proj, which is no expert tensor of this model; it has none.");
    }

    private TextClassifier Load(AdapterOptions options) => TextClassifier.Load(_folder.Folder, new() { Labels = s_labels, Adapter = options, MaxLength = 16 });
}
