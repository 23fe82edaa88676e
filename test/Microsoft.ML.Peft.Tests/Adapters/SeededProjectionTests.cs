using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Matrices that a file may leave out are drawn from its seed as Hugging Face draws them.</summary>
[TestClass]
public sealed class SeededProjectionTests
{
    [TestMethod]
    [DataRow("bert", "vera", "base_model.vera_A", "base_model.vera_B")]
    [DataRow("llama", "vera", "base_model.vera_A", "base_model.vera_B")]
    [DataRow("vit", "pvera", "base_model.pvera_A", "base_model.pvera_B")]
    [DataRow("bert", "randlora", "base_model.randlora_A", "base_model.randlora_B")]
    [DataRow("llama", "randlora", "base_model.randlora_A", "base_model.randlora_B")]
    [DataRow("llama", "tinylora", "base_model.model.model.layers.1.self_attn.v_proj.tinylora_P", "base_model.model.model.layers.0.self_attn.v_proj.tinylora_P")]
    public void A_seed_gives_the_numbers_of_the_file(string model, string adapter, params string[] names)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        var folder = Path.Combine(GoldenFolder.Root, model, adapter);
        using var made = AdapterSet.Create("default", AdapterCheckpoint.ReadOptions(folder), golden.Model.Backbone, new CopiedModules([], []), seed: 0);
        using var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));

        foreach (var name in names)
        {
            var (expected, actual) = (file.Read(name), made.Parameters().First(p => p.FileName == name).Parameter);
            Assert.IsTrue(expected.allclose(actual, rtol: 1e-6, atol: 1e-7), $"{name}: largest difference {(expected - actual).abs().max().item<float>()}");
        }
    }

    [TestMethod]
    [DataRow("vera")]
    [DataRow("randlora")]
    [DataRow("pvera")]
    [DataRow("tinylora")]
    public void A_file_without_them_loads_to_the_same_outputs(string adapter)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", adapter));
        AdapterOptions lean = golden.Adapter!.Options switch
        {
            VeraOptions o => o with { SaveProjection = false },
            PVeraOptions o => o with { SaveProjection = false },
            RandLoraOptions o => o with { SaveProjection = false },
            TinyLoraOptions o => o with { SaveProjection = false },
            _ => throw new InvalidOperationException(),
        };
        var tensors = AdapterCheckpoint.Tensors(golden.Adapter).Where(t => t.Key.Split('.')[^1] is not ("vera_A" or "vera_B" or "pvera_A" or "pvera_B"
            or "randlora_A" or "randlora_B" or "tinylora_P")).ToDictionary(t => t.Key, t => t.Value.alias());
        var folder = Directory.CreateTempSubdirectory("peft-lean-").FullName;
        try
        {
            SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), tensors);
            using var loaded = AdapterSet.Create("lean", lean, golden.Model.Backbone, new CopiedModules([], []), seed: 9);
            AdapterCheckpoint.ReadTensors(loaded, folder);
            using var first = Microsoft.ML.Peft.Layers.ForwardContext.Predicting(golden.Adapter);
            using var second = Microsoft.ML.Peft.Layers.ForwardContext.Predicting(loaded);

            Close.Assert(golden.Forward(first)["logits"], golden.Forward(second)["logits"], adapter, 1e-5);
            AdapterCheckpoint.Write(loaded, folder, null, "base");
            using var written = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            CollectionAssert.AreEquivalent(tensors.Keys.ToArray(), written.Entries.Keys.ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
