using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Adapters name modules as the version of transformers did that wrote them; the golden ViT has an adapter of the newer one.</summary>
[TestClass]
public sealed class AdapterNamesTests
{
    private DisposeScope _scope = null!;
    private PretrainedModel _model = null!;

    private static string Vit => Path.Combine(GoldenFolder.Root, "vit");

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _model = PretrainedModel.Load(Vit, HeadKind.ImageClassification);
    }

    [TestCleanup]
    public void Close()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void Default_targets_get_the_newer_names()
        => CollectionAssert.AreEqual(
            new[] { "vit.layers.0.attention.q_proj", "vit.layers.0.attention.v_proj", "vit.layers.1.attention.q_proj", "vit.layers.1.attention.v_proj" },
            Paths(new LoraOptions()));

    [TestMethod]
    public void Older_targets_get_the_older_names()
        => CollectionAssert.AreEqual(
            new[] { "vit.encoder.layer.0.attention.attention.query", "vit.encoder.layer.1.attention.attention.query" },
            Paths(new LoraOptions { TargetModules = TargetModules.Named("query") }));

    [TestMethod]
    public void Patterns_are_matched_in_the_naming_of_the_targets()
    {
        using var newer = Create(new LoraOptions { TargetModules = TargetModules.Named("q_proj"), RankPattern = new Dictionary<string, int> { ["q_proj"] = 3 } });
        using var older = Create(new LoraOptions { TargetModules = TargetModules.Named("query"), RankPattern = new Dictionary<string, int> { ["query"] = 3 } });
        foreach (var set in (AdapterSet[])[newer, older])
        {
            Assert.IsTrue(set.Parameters().Where(p => p.FileName.EndsWith("lora_A.weight", StringComparison.Ordinal)).All(p => p.Parameter.size(0) == 3));
        }
    }

    [TestMethod]
    [DataRow("vit", HeadKind.ImageClassification)]
    [DataRow("deit", HeadKind.ImageClassification)]
    [DataRow("ast", HeadKind.AudioClassification)]
    [DataRow("swin", HeadKind.ImageClassification)]
    public void An_older_adapter_computes_the_same_and_keeps_its_names(string name, HeadKind kind)
    {
        var home = Path.Combine(GoldenFolder.Root, name);
        var (golden, older, written) = (Path.Combine(home, "lora"), Temporary(), Temporary());
        try
        {
            EditedModel.CopyTensors(Path.Combine(golden, "adapter_model.safetensors"), Path.Combine(older, "adapter_model.safetensors"), Older);
            var config = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "adapter_config.json")))!.AsObject();
            config["target_modules"] = new JsonArray("query", "value");
            File.WriteAllText(Path.Combine(older, "adapter_config.json"), config.ToJsonString());

            using var model = PretrainedModel.Load(home, kind);
            using var adapter = Create(AdapterCheckpoint.ReadOptions(older), model);
            AdapterCheckpoint.ReadTensors(adapter, older);
            using var inputs = SafetensorsReader.Open(Path.Combine(home, "inputs.safetensors"));
            using var expected = SafetensorsReader.Open(Path.Combine(golden, "expected.safetensors"));
            using var batch = new ModelInputs { Values = inputs.Read(name == "ast" ? "input_values" : "pixel_values") };
            using var context = ForwardContext.Predicting(adapter);
            var difference = (expected.Read("logits") - model.Forward(batch, context).Logits).abs().max().item<float>();
            Assert.IsLessThan(1e-4f, difference);

            AdapterCheckpoint.Write(adapter, written, null, "base");
            using var was = SafetensorsReader.Open(Path.Combine(older, "adapter_model.safetensors"));
            using var now = SafetensorsReader.Open(Path.Combine(written, "adapter_model.safetensors"));
            Assert.IsTrue(was.Entries.Keys.All(key => key.Contains(".query.", StringComparison.Ordinal) || key.Contains(".value.", StringComparison.Ordinal)));
            CollectionAssert.AreEquivalent(was.Entries.Keys.ToArray(), now.Entries.Keys.ToArray());
            using var fields = JsonDocument.Parse(File.ReadAllText(Path.Combine(written, "adapter_config.json")));
            Assert.AreEqual("[\"query\",\"value\"]", JsonSerializer.Serialize(fields.RootElement.GetProperty("target_modules")));
        }
        finally
        {
            Directory.Delete(older, recursive: true);
            Directory.Delete(written, recursive: true);
        }

        string Older(string path)
        {
            var attention = name == "swin" ? "attention.self" : "attention.attention";
            path = name == "swin" ? path : path.Replace(".layers.", ".encoder.layer.", StringComparison.Ordinal);
            return path.Replace("attention.q_proj", $"{attention}.query", StringComparison.Ordinal)
                .Replace("attention.v_proj", $"{attention}.value", StringComparison.Ordinal);
        }
    }

    private static string Temporary() => Directory.CreateTempSubdirectory("peft-names-").FullName;

    private string[] Paths(LoraOptions options)
    {
        using var set = Create(options);
        return [.. set.Adapters.Select(a => a.Path)];
    }

    private AdapterSet Create(AdapterOptions options, PretrainedModel? model = null)
        => AdapterSet.Create("default", options, (model ?? _model).Backbone, new CopiedModules([], []), seed: 0);
}
