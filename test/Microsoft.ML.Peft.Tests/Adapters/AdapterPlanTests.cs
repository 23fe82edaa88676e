using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What is known before training, what is written after it, and one base that serves many.</summary>
[TestClass]
public sealed class AdapterPlanTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _bert = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _bert = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
    }

    [TestCleanup]
    public void Close()
    {
        _bert.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void A_plan_counts_what_is_made_and_written()
    {
        var options = new LoraOptions { Rank = 3, TargetModules = TargetModules.Named("query", "q_proj") };
        var plan = AdapterPlan.For(options, _bert.Model.Backbone, new CopiedModules(["classifier"], []));

        Assert.HasCount(2, plan.Targets);
        Assert.IsTrue(plan.Targets.All(t => t.EndsWith("attention.self.query", StringComparison.Ordinal)));
        Assert.Contains("bert.encoder.layer.0.attention.self.value", plan.Others);
        CollectionAssert.AreEqual(new[] { "classifier" }, plan.Copies.ToArray());
        Assert.AreEqual((2 * 3 * 64) + 99, plan.TrainableCount); // two layers 32 → 32, a head 32 → 3 with bias
        Assert.AreEqual(4 * plan.TrainableCount, plan.FileBytes);
        Assert.IsTrue(plan.Merges && plan.OnQuantized && plan.MixesInBatch);
        StringAssert.Contains(plan.Notes.Single(), "no layer is called q_proj; the linear layers of this model are called ");

        using var folder = new TemporaryFolder();
        using var adapter = AdapterSet.Create("default", options, _bert.Model.Backbone, new CopiedModules(["classifier"], []), 0);
        AdapterCheckpoint.Write(adapter, folder.Path, "SEQ_CLS", "base");
        using var file = SafetensorsReader.Open(Path.Combine(folder.Path, "adapter_model.safetensors"));
        Assert.AreEqual(plan.FileBytes, file.Entries.Values.Sum(e => 4 * e.Shape.ToArray().Aggregate(1L, (a, b) => a * b)));
    }

    [TestMethod]
    public void A_model_without_default_targets_asks_for_some()
    {
        using var swin = GoldenModel.Load(new(GoldenFolder.Root, "swin", null));
        if (swin.Model.Backbone.TargetsOf("LORA").Count == 0)
        {
            StringAssert.Contains(
                Assert.ThrowsExactly<PeftException>(() => AdapterPlan.For(new LoraOptions(), swin.Model.Backbone)).Message,
                "has no default target layers; set TargetModules to some of");
        }
    }

    [TestMethod]
    public void An_adapter_that_changes_nothing_is_known()
    {
        using var still = Lora(1, LoraStart.Default);
        using var moved = Lora(1, LoraStart.Random);

        Assert.IsTrue(still.ChangesNothing());
        Assert.IsFalse(moved.ChangesNothing());
        using var gated = AdapterSet.Create("gated", new LoraOptions { InvocationTokens = [2] }, _bert.Model.Backbone, new CopiedModules([], []), 1);
        Assert.IsTrue(gated.ChangesNothing()); // it does not merge, and yet it is a change of weights
    }

    [TestMethod]
    public void A_merged_folder_gives_the_adapted_outputs_without_the_adapter()
    {
        using var folder = new TemporaryFolder();
        using var adapter = Lora(1, LoraStart.Random);
        using var context = ForwardContext.Predicting(adapter);
        var expected = _bert.Forward(context).Logits.detach();

        MergedModelFolder.Write(_bert.Model, adapter, _bert.Case.ModelFolder, folder.Path, ["a", "b", "c"]);

        using var merged = PretrainedModel.Load(folder.Path, HeadKind.SequenceClassification);
        using var bare = ForwardContext.Predicting();
        Golden.Close.Assert(expected, merged.Forward(_bert.Inputs, bare).Logits.detach(), "logits");
        StringAssert.Contains(File.ReadAllText(Path.Combine(folder.Path, "config.json")), "\"2\": \"c\"");
        Assert.ThrowsExactly<ArgumentException>(() => MergedModelFolder.Write(_bert.Model, adapter, folder.Path, folder.Path));
    }

    [TestMethod]
    public void A_merged_folder_of_a_base_in_Float16_has_no_infinite_number()
    {
        using var copy = new ModelCopy("bert");
        foreach (var name in copy.Tensors.Keys.ToArray())
        {
            copy.Tensors[name] = copy.Tensors[name].to(ScalarType.Float16);
        }

        using var model = copy.Load(HeadKind.SequenceClassification);
        using var folder = new TemporaryFolder();
        using var small = AdapterSet.Create("small", new LoraOptions { Start = LoraStart.Random }, model.Backbone, new CopiedModules([], []), 1);
        MergedModelFolder.Write(model, small, copy.Folder, folder.Path);
        using (var file = SafetensorsReader.Open(Path.Combine(folder.Path, "model.safetensors")))
        {
            Assert.IsTrue(file.Entries.Values.All(e => e.Dtype == ScalarType.Float16));
        }

        using var empty = new TemporaryFolder();
        using var large = AdapterSet.Create("large", new LoraOptions { Start = LoraStart.Random, Alpha = 1e8 }, model.Backbone, new CopiedModules([], []), 1);
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => MergedModelFolder.Write(model, large, copy.Folder, empty.Path)).Message, "has numbers beyond Float16");
        Assert.IsEmpty(Directory.GetFiles(empty.Path));
        Assert.IsFalse(large.IsMerged);
    }

    [TestMethod]
    public void Eight_threads_with_eight_adapters_on_one_base_give_what_each_gives_alone()
    {
        var adapters = Enumerable.Range(0, 8).Select(k => Lora(k, LoraStart.Random)).ToArray();
        var solo = adapters.Select(a => Logits(a)).ToArray();
        var wrong = 0;

        var threads = Enumerable.Range(0, 8).Select(k => new Thread(() =>
        {
            for (var turn = 0; turn < 10; turn++)
            {
                if (!Logits(adapters[k]).SequenceEqual(solo[k]))
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());

        Assert.AreEqual(0, wrong);
        Assert.AreEqual(8, solo.Select(s => s[0]).Distinct().Count());
        Array.ForEach(adapters, a => a.Dispose());

        float[] Logits(AdapterSet adapter)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var context = ForwardContext.Predicting(adapter);
            return _bert.Forward(context).Logits.data<float>().ToArray();
        }
    }

    private AdapterSet Lora(long seed, LoraStart start)
        => AdapterSet.Create("adapter", new LoraOptions { Rank = 3, Start = start }, _bert.Model.Backbone, new CopiedModules([], []), seed);
}
