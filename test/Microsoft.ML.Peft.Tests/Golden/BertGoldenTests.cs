using System.Text.Json;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>BERT and LoRA on it against what Hugging Face computes.</summary>
[TestClass]
public sealed class BertGoldenTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Base_logits_and_loss_are_equal()
    {
        using var golden = new GoldenCase("bert");
        using var context = ForwardContext.Predicting();
        var expected = golden.Expected();

        Golden.Close.Assert(expected["logits"], golden.Logits(context), "logits");
        Golden.Close.Assert(expected["loss"].reshape(1), golden.Loss(context).reshape(1), "loss");
    }

    [TestMethod]
    [DataRow("lora")]
    [DataRow("lora-all")]
    [DataRow("lora-pattern")]
    [DataRow("rslora-gaussian")]
    public void Adapter_logits_loss_and_gradients_are_equal(string adapter)
    {
        using var golden = new GoldenCase("bert", adapter);
        using var context = ForwardContext.Predicting(golden.Adapter!);
        var expected = golden.Expected();

        Golden.Close.Assert(expected["logits"], golden.Logits(context), "logits");
        var loss = golden.Loss(context);
        Golden.Close.Assert(expected["loss"].reshape(1), loss.reshape(1), "loss");

        loss.backward();
        var parameters = golden.Adapter!.Parameters().ToDictionary(p => p.FileName, p => p.Parameter);
        var gradients = expected.Keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).ToArray();
        Assert.HasCount(parameters.Count, gradients);
        foreach (var name in gradients)
        {
            Golden.Close.Assert(expected[name], parameters[GoldenCase.FileName(name["grad.".Length..])].grad!, name);
        }
    }

    [TestMethod]
    [DataRow("lora")]
    [DataRow("lora-all")]
    [DataRow("lora-pattern")]
    [DataRow("rslora-gaussian")]
    public void Eight_steps_of_AdamW_give_the_same_losses(string adapter)
    {
        using var golden = new GoldenCase("bert", adapter);
        using var context = ForwardContext.Predicting(golden.Adapter!);
        using var optimizer = new FlatAdamW(golden.Adapter!.Parameters().Select(p => p.Parameter), weightDecay: 0.01);
        var losses = new float[8];
        for (var step = 0; step < losses.Length; step++)
        {
            var loss = golden.Loss(context);
            losses[step] = loss.item<float>();
            loss.backward();
            optimizer.Step(5e-3, maxGradientNorm: 0);
        }

        Golden.Close.Assert(golden.Expected()["train_losses"], tensor(losses), "train_losses");
    }

    [TestMethod]
    [DataRow("lora")]
    [DataRow("lora-all")]
    [DataRow("lora-pattern")]
    [DataRow("rslora-gaussian")]
    public void Merged_logits_are_equal_and_unmerging_restores_every_bit(string adapter)
    {
        using var golden = new GoldenCase("bert", adapter);
        using var bare = ForwardContext.Predicting();
        var before = golden.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor.clone()).ToArray();

        using (golden.Adapter!.Merge())
        {
            Golden.Close.Assert(golden.Expected()["merged.logits"], golden.Logits(bare), "merged.logits");
        }

        var after = golden.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor).ToArray();
        for (var k = 0; k < before.Length; k++)
        {
            Assert.IsTrue(before[k].bytes.SequenceEqual(after[k].bytes), $"tensor {k}");
        }
    }

    [TestMethod]
    [DataRow("lora")]
    [DataRow("lora-all")]
    [DataRow("lora-pattern")]
    [DataRow("rslora-gaussian")]
    public void Writing_a_loaded_adapter_gives_its_files_back(string adapter)
    {
        using var golden = new GoldenCase("bert", adapter);
        var folder = Directory.CreateTempSubdirectory("peft-adapter-").FullName;
        try
        {
            AdapterCheckpoint.Write(golden.Adapter!, folder, "SEQ_CLS", "base");

            using var was = SafetensorsReader.Open(Path.Combine(golden.AdapterFolder, "adapter_model.safetensors"));
            using var now = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            CollectionAssert.AreEquivalent(was.Entries.Keys.ToArray(), now.Entries.Keys.ToArray());
            foreach (var name in was.Entries.Keys)
            {
                Assert.AreEqual(was.Entries[name].Dtype, now.Entries[name].Dtype, name);
                CollectionAssert.AreEqual(was.Entries[name].Shape.ToArray(), now.Entries[name].Shape.ToArray(), name);
                Assert.IsTrue(was.Read(name).bytes.SequenceEqual(now.Read(name).bytes), name);
            }

            using var first = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.AdapterFolder, "adapter_config.json")));
            using var second = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")));
            foreach (var field in first.RootElement.EnumerateObject())
            {
                Assert.IsTrue(second.RootElement.TryGetProperty(field.Name, out var written), field.Name);
                Assert.IsTrue(JsonElement.DeepEquals(field.Value, written), $"{field.Name}: {field.Value} became {written}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
