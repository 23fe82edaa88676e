using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Microsoft.ML.Peft.Training;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What it means that Lily's layers share tensors.</summary>
[TestClass]
public sealed class LilySharingTests : GoldenMethodTests
{
    // Weights that are one number, so that a large model costs nothing.
    [TestMethod]
    public void Counts_are_those_of_the_paper_and_of_HF_PEFT()
    {
        (string, long, long)[] mlp = [("gate_proj", 3072, 8192), ("up_proj", 3072, 8192), ("down_proj", 8192, 3072)];
        Assert.AreEqual(9_485_280, Count(new() { Rank = 140, Stride = 14, Experts = 2 }, 28, mlp)); // Llama-3.2-3B
        Assert.AreEqual(18_450_432, Count(new() { Rank = 896, Stride = 14, Experts = 2 }, 28, ("q_proj", 3072, 3072), ("v_proj", 3072, 1024)));
        Assert.AreEqual(396_288, Count(new() { Rank = 32, Stride = 3, Experts = 4 }, 12, ("query", 768, 768), ("value", 768, 768))); // RoBERTa-base
    }

    [TestMethod]
    public void A_step_for_one_layer_moves_another()
    {
        var layers = Enumerable.Range(0, 2).Select(k => new LinearLayer($"layers.{k}.query", k, new DenseWeight(randn(4, 6)), null)).ToArray();
        var parts = MethodCase.Parts(new LilyOptions { Rank = 2, TargetModules = new[] { "query" } }, layers).Cast<Lily>().ToArray();
        var x = randn(3, 6);
        var before = parts[1].call(x).detach();

        Train([.. parts[0].parameters().Cast<TorchSharp.Modules.Parameter>()], () => parts[0].call(x), randn(3, 4), steps: 1, rate: 0.1, decay: 0);

        Assert.IsFalse(before.allclose(parts[1].call(x)));
    }

    [TestMethod]
    public void Shared_tensors_are_counted_and_stepped_once()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lily"));
        var trained = golden.Adapter!.TrainedParameters().ToList();

        Assert.AreEqual(trained.Count, trained.Select(p => p.Parameter).Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.AreEqual((4 * 4 * 32) + (8 * 32) + (8 * 16) + (4 * 8), golden.Adapter.TrainableCount); // A of 4 layers, B of q and of v, 4 routers
    }

    [TestMethod]
    public void A_branch_beside_the_feed_forward_part_learns_and_comes_back()
    {
        using var folder = new TinyBert();
        var options = new LilyOptions { Rank = 4, Stride = 2, Mlp = new() { Rank = 8 } };
        using var model = TextClassifier.Load(folder.Folder, new() { Labels = ["colour", "number", "animal"], Adapter = options });
        Assert.AreEqual((8 * 32) + (2 * 8 * 32) + (2 * 2 * 8), model.Adapter.Adapters.OfType<LilyBranch>().SelectMany(b => b.parameters())
            .Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>().Sum(p => p.numel())); // two blocks share A and B
        var rows = TinyBert.Words.Select((word, k) => new TextExample($"{word} {TinyBert.Words[(k + 3) % 10]}", k < 3 ? 0 : k < 6 ? 1 : 2)).ToArray();

        var report = Trainer.Fit(model, rows, new() { Epochs = 10, BatchSize = 5, LearningRate = 1e-2 });

        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
        Assert.ThrowsExactly<PeftException>(() => model.Adapter.Merge());
        string[] texts = [.. rows.Select(row => row.Text)];
        model.SaveAdapter(folder.PathOf("adapter"));
        using var loaded = TextClassifier.LoadAdapter(folder.Folder, folder.PathOf("adapter"), model.Settings with { Seed = 99 });
        var (expected, actual) = (model.Predict(texts), loaded.Predict(texts));
        for (var row = 0; row < texts.Length; row++)
        {
            CollectionAssert.AreEqual(expected[row], actual[row]);
        }
    }

    private static long Count(LilyOptions options, int blocks, params (string Name, long Inputs, long Outputs)[] kinds)
    {
        var layers = Enumerable.Range(0, blocks).SelectMany(_ => kinds, (k, kind) => (Path: $"layers.{k}.{kind.Name}", kind.Inputs, kind.Outputs))
            .Select((at, index) => new LinearLayer(at.Path, index, new DenseWeight(zeros(1, 1).expand(at.Outputs, at.Inputs)), null)).ToArray();
        return MethodCase.Parts(options with { TargetModules = kinds.Select(k => k.Name).ToArray() }, layers).SelectMany(p => p.parameters())
            .Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>().Sum(p => p.numel());
    }
}
