using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Adapter files of other writers than HF PEFT's <c>save_pretrained</c>, and what their errors say.</summary>
[TestClass]
public sealed class AdapterFileNamesTests
{
    private const string Layer = "base_model.model.model.layers.0.self_attn.";

    private DisposeScope _scope = null!;
    private TemporaryFolder _folder = null!;

    [TestInitialize]
    public void Open() => (_scope, _folder) = (NewDisposeScope(), new());

    [TestCleanup]
    public void Close()
    {
        _folder.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DataRow("lora", "", "", "")]
    [DataRow("lora", ".weight", ".default.weight", "lora_A.default.weight")]
    [DataRow("lora", "base_model.model.", "", "'model.layers.0.self_attn.")]
    [DataRow("peanut-deep", "coders.", "coders.default.", "peanut_decoders.default.0.weight")]
    [DataRow("dora", "lora_magnitude_vector", "lora_magnitude_vector.default.weight", "lora_magnitude_vector.default.weight")]
    public void Names_of_other_writers_are_read_as_those_of_HF_PEFT(string adapter, string was, string now, string note)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", adapter));
        Copy(golden.Case.Folder, key => was.Length == 0 ? key : key.Replace(was, now, StringComparison.Ordinal));
        using var read = golden.ReadAdapter(_folder.Path, "read");

        AssertSame(golden, golden.Adapter!, read);
        Assert.AreEqual(note.Length > 0, read.Notes.Count > 0);
        StringAssert.Contains(read.Notes.FirstOrDefault() ?? "", note);
    }

    [TestMethod]
    public void A_trained_head_is_found_behind_the_name_of_its_adapter()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", "lora"));
        Copy(golden.Case.Folder, key => key.Replace("classifier.", "classifier.modules_to_save.default.", StringComparison.Ordinal), "base_model.model.classifier.original_module.weight");
        using var read = golden.ReadAdapter(_folder.Path, "read");

        AssertSame(golden, golden.Adapter!, read);
        StringAssert.Contains(read.Notes.Single(), "has 2 names of another form");
    }

    [TestMethod]
    public void Two_names_of_one_tensor_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lora"));
        Copy(golden.Case.Folder, key => key, $"{Layer}q_proj.lora_A.default.weight");
        StringAssert.Contains(Refused(golden).Message, "two names of the same tensor");
    }

    [TestMethod]
    public void An_error_names_what_is_nearest()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lora"));
        Copy(golden.Case.Folder, key => key.Replace("layers.0.self_attn.q_proj.lora_A", "layers.0.self_attn.q_prj.lora_A", StringComparison.Ordinal));
        var error = Refused(golden);
        Assert.AreEqual(ModelFormatError.MissingTensor, error.Error);
        StringAssert.Contains(error.Message, $"it lacks {Layer}q_proj.lora_A.weight. The nearest that it has is '{Layer}q_prj.lora_A.weight'.");

        Copy(golden.Case.Folder, key => key, $"{Layer}k_proj.lora_A.weight");
        error = Refused(golden);
        Assert.AreEqual(ModelFormatError.UnexpectedTensor, error.Error);
        StringAssert.Contains(error.Message, $"no place for: {Layer}k_proj.lora_A.weight. The nearest that the model has a place for is '{Layer}q_proj.lora_A.weight'.");
    }

    [TestMethod]
    [DataRow(ScalarType.Float16)]
    [DataRow(ScalarType.BFloat16)]
    public void Numbers_of_half_the_size_are_read_into_whole_ones(ScalarType type)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lora"));
        Copy(golden.Case.Folder, key => key, type: type);
        using var read = golden.ReadAdapter(_folder.Path, "read");

        foreach (var ((name, expected), (_, actual)) in golden.Adapter!.Parameters().Zip(read.Parameters()))
        {
            Assert.AreEqual(ScalarType.Float32, actual.dtype, name);
            Assert.IsTrue(expected.to(type).to(ScalarType.Float32).equal(actual).all().item<bool>(), name);
        }
    }

    [TestMethod]
    public void A_pickle_is_refused_with_what_to_do()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lora"));
        File.Copy(Path.Combine(golden.Case.Folder, "adapter_config.json"), Path.Combine(_folder.Path, "adapter_config.json"));
        File.WriteAllBytes(Path.Combine(_folder.Path, "adapter_model.bin"), [0x80, 2, 0, 0]);
        StringAssert.Contains(Refused(golden).Message, "convert it where it came from");
    }

    // HF PEFT writes the base weights of embed_tokens and lm_head where they are targets, and of no other layer.
    [TestMethod]
    public void The_output_layer_among_the_targets_brings_its_base_weight()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        using var adapter = AdapterSet.Create(
            "default", new LoraOptions { Rank = 2, Start = LoraStart.Random, TargetModules = TargetModules.Named("lm_head", "q_proj") }, golden.Model.Backbone, new CopiedModules([], []), 1);
        AdapterCheckpoint.Write(adapter, _folder.Path, "CAUSAL_LM", "base");
        using (var file = SafetensorsReader.Open(Path.Combine(_folder.Path, "adapter_model.safetensors")))
        {
            CollectionAssert.AreEqual(new[] { "base_model.model.lm_head.base_layer.weight" }, file.Entries.Keys.Where(k => k.Contains("base_layer", StringComparison.Ordinal)).ToArray());
        }

        using var read = golden.ReadAdapter(_folder.Path, "read");
        AssertSame(golden, adapter, read);

        using var changed = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        using (no_grad())
        {
            changed.Model.Layers.Single(l => l.Path == "lm_head").FrozenWeight!.add_(1);
        }

        StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => changed.ReadAdapter(_folder.Path, "read")).Message, "trained on another base model");
    }

    private ModelFormatException Refused(GoldenModel golden) => Assert.ThrowsExactly<ModelFormatException>(() => golden.ReadAdapter(_folder.Path, "read"));

    private static void AssertSame(GoldenModel golden, AdapterSet expected, AdapterSet actual)
    {
        using var _ = no_grad();
        using var first = ForwardContext.Predicting(expected);
        using var second = ForwardContext.Predicting(actual);
        Assert.IsTrue(golden.Forward(first).Logits.bytes.SequenceEqual(golden.Forward(second).Logits.bytes));
    }

    private void Copy(string from, Func<string, string> rename, string? more = null, ScalarType type = ScalarType.Float32)
    {
        using var reader = SafetensorsReader.Open(Path.Combine(from, "adapter_model.safetensors"));
        var tensors = reader.Entries.Keys.ToDictionary(rename, key => reader.Read(key).to(type));
        if (more is not null)
        {
            tensors.Add(more, tensors.Values.First().clone());
        }

        SafetensorsWriter.Write(Path.Combine(_folder.Path, "adapter_model.safetensors"), tensors);
        File.Copy(Path.Combine(from, "adapter_config.json"), Path.Combine(_folder.Path, "adapter_config.json"), overwrite: true);
    }
}
