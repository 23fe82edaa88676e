using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Tests.Checkpoints;
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
            string[] hash = adapter == "tinylora" ? [] : [$"base_model.{adapter}_hash"];
            CollectionAssert.AreEquivalent(tensors.Keys.Concat(hash).ToArray(), written.Entries.Keys.ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Another program, or another version of this one, could draw other numbers from the seed.
    [TestMethod]
    [DataRow("vera")]
    [DataRow("randlora")]
    public void A_file_without_them_knows_which_they_were(string adapter)
    {
        using var scope = NewDisposeScope();
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        AdapterOptions lean = adapter == "vera" ? new VeraOptions { Rank = 4, SaveProjection = false } : new RandLoraOptions { Rank = 4, SaveProjection = false };
        using var folder = new TemporaryFolder();
        using (var written = Create(lean))
        {
            AdapterCheckpoint.Write(written, folder.Path, null, "base");
        }

        using (var same = Create(lean))
        {
            AdapterCheckpoint.ReadTensors(same, folder.Path);
        }

        using var other = Create(lean is VeraOptions vera ? vera with { ProjectionKey = 1 } : (RandLoraOptions)lean with { ProjectionKey = 1 });
        var error = Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(other, folder.Path));
        Assert.AreEqual(ModelFormatError.HashMismatch, error.Error);
        StringAssert.Contains(error.Message, $"'base_model.{adapter}_hash'");
        StringAssert.Contains(error.Message, "drawn here from projection_prng_key");

        AdapterSet Create(AdapterOptions options) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), seed: 3);
    }

    [TestMethod]
    public void Adapters_on_one_model_share_their_seed()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        using var adapters = new AdapterCollection(golden.Model.Backbone);
        adapters.Add("first", new RandLoraOptions { Rank = 4, ProjectionKey = 1 });
        adapters.Add("second", new RandLoraOptions { Rank = 2, ProjectionKey = 1 });
        adapters.Add("another method", new VeraOptions { Rank = 4 });

        var error = Assert.ThrowsExactly<PeftException>(() => adapters.Add("third", new RandLoraOptions { Rank = 4 }));
        StringAssert.Contains(error.Message, "'third' has the projection_prng_key 0 and 'first' has 1");
        CollectionAssert.AreEqual(new[] { "another method", "first", "second" }, adapters.Names.ToArray());
    }
}
