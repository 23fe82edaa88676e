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

/// <summary>Several named adapters on one base model.</summary>
[TestClass]
public sealed class AdapterCollectionTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _bert = null!;
    private AdapterCollection _adapters = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _bert = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        _adapters = new(_bert.Model.Backbone);
        _adapters.Add("a", new LoraOptions { Rank = 2, Start = LoraStart.Random }, seed: 1);
        _adapters.Add("b", new LoraOptions { Rank = 3, Start = LoraStart.Random, TargetModules = TargetModules.Named("query", "key") }, seed: 2);
    }

    [TestCleanup]
    public void Close()
    {
        _adapters.Dispose();
        _bert.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void The_active_ones_act_and_a_disabled_flow_has_the_bare_base()
    {
        var bare = Logits(ForwardContext.Predicting());
        var first = Logits(_adapters.Predicting());
        Assert.IsFalse(bare.allclose(first));
        AssertSame(Logits(ForwardContext.Predicting(_adapters["a"])), first);

        _adapters.Activate("a", "b");
        AssertSame(Logits(ForwardContext.Predicting(_adapters["a"], _adapters["b"])), Logits(_adapters.Predicting()));
        using (_adapters.Disable())
        {
            AssertSame(bare, Logits(_adapters.Predicting()));
            var elsewhere = false;
            var thread = new Thread(() => elsewhere = _adapters.ModelStatus().IsEnabled);
            thread.UnsafeStart(); // without what flows from here
            thread.Join();
            Assert.IsTrue(elsewhere, "another thread is disabled too");

            Assert.IsFalse(_adapters.ModelStatus().IsEnabled);
        }

        _adapters.Activate();
        AssertSame(bare, Logits(_adapters.Predicting()));
    }

    [TestMethod]
    public void Rows_name_their_adapters()
    {
        var rows = (int)Logits(ForwardContext.Predicting()).size(0);
        var solo = new[] { ForwardContext.Predicting(_adapters["a"]), ForwardContext.Predicting(), ForwardContext.Predicting(_adapters["b"]) }.Select(Logits).ToArray();
        var mixed = Logits(_adapters.ByRow([.. Enumerable.Range(0, rows).Select(k => (string?)(k % 3 == 0 ? "a" : k % 3 == 1 ? AdapterCollection.Base : "b"))]));

        for (var row = 0; row < rows; row++)
        {
            Golden.Close.Assert(solo[row % 3].select(0, row), mixed.select(0, row), $"row {row}");
        }
    }

    [TestMethod]
    public void An_exchanged_adapter_serves_those_who_have_it_and_then_goes()
    {
        using var folder = new TemporaryFolder();
        using (var other = AdapterSet.Create("x", new LoraOptions { Rank = 5, Start = LoraStart.Random }, _bert.Model.Backbone, new CopiedModules([], []), 9))
        {
            AdapterCheckpoint.Write(other, folder.Path, null, "base");
        }

        var old = _adapters["a"];
        var before = Logits(_adapters.Predicting());
        var open = _adapters.Predicting();
        _adapters.Load("a", folder.Path);

        Assert.IsFalse(before.allclose(Logits(_adapters.Predicting())), "the new one does not act");
        Assert.IsFalse(old.Parameters().Any(p => p.Parameter.IsInvalid), "it is gone while a context has it");
        AssertSame(before, Logits(open)); // which closes it
        Assert.IsTrue(old.Parameters().All(p => p.Parameter.IsInvalid), "it is still there");
        _adapters.Delete("a");
        Assert.IsEmpty(_adapters.Active);
        CollectionAssert.AreEqual(new[] { "b" }, _adapters.Names.ToArray());
    }

    [TestMethod]
    public void A_merge_gives_the_same_and_is_undone_to_the_last_bit()
    {
        _adapters.Activate("a", "b");
        var (bare, expected) = (Logits(ForwardContext.Predicting()), Logits(_adapters.Predicting()));
        using (_adapters.Merge(safe: true))
        {
            Golden.Close.Assert(expected, Logits(_adapters.Predicting()), "merged");
            Assert.HasCount(2, _adapters.ModelStatus().Merged);
            Assert.ThrowsExactly<InvalidOperationException>(() => _adapters.Delete("a"));
            Assert.ThrowsExactly<InvalidOperationException>(() => _adapters.Disable());
            Assert.ThrowsExactly<InvalidOperationException>(() => _adapters.Merge());
        }

        Assert.IsTrue(bare.bytes.SequenceEqual(Logits(ForwardContext.Predicting()).bytes));
        using var open = _adapters.Predicting();
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _adapters.Merge()).Message, "1 contexts are open");
    }

    [TestMethod]
    public void The_status_says_what_stands_where()
    {
        var layers = _adapters.LayerStatus();
        var query = layers.First(l => l.Path.EndsWith("query", StringComparison.Ordinal));
        var key = layers.First(l => l.Path.EndsWith("key", StringComparison.Ordinal));

        CollectionAssert.AreEqual(new[] { "a", "b" }, query.Available.ToArray());
        CollectionAssert.AreEqual(new[] { "a" }, query.Active.ToArray());
        CollectionAssert.AreEqual(new[] { "b" }, key.Available.ToArray());
        Assert.AreEqual(2 * 64, query.TrainableCounts["a"]); // 32 → 32
        var model = _adapters.ModelStatus();
        Assert.AreEqual("bert", model.ModelType);
        Assert.AreEqual("LORA", model.Methods["a"]);
        Assert.AreEqual(_adapters["b"].TrainableCount, model.TrainableCounts["b"]);
        Assert.AreEqual(layers.Count, model.AdaptedPlaces);
    }

    // HF PEFT's layout: 'default' in the folder, others in folders of their names.
    [TestMethod]
    public void A_folder_holds_all_of_them()
    {
        using var folder = new TemporaryFolder();
        _adapters.Add("default", new LoraOptions { Start = LoraStart.Random }, seed: 3);
        _adapters.Save(folder.Path, "SEQ_CLS", "base");
        CollectionAssert.AreEquivalent(
            new[] { "adapter_config.json", "adapter_model.safetensors", "a", "b" }, Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).ToArray());

        using var read = new AdapterCollection(_bert.Model.Backbone);
        CollectionAssert.AreEqual(new[] { "a", "b", "default" }, read.LoadAll(folder.Path).ToArray());
        foreach (var name in read.Names)
        {
            AssertSame(Logits(ForwardContext.Predicting(_adapters[name])), Logits(ForwardContext.Predicting(read[name])));
        }

        using var empty = new TemporaryFolder();
        StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => read.LoadAll(empty.Path)).Message, "neither the folder nor one below it");
        _adapters.Add("../c", new LoraOptions());
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => _adapters.Save(empty.Path, null, "base")).Message, "'../c' cannot be saved under its name");
        Assert.IsEmpty(Directory.GetFileSystemEntries(empty.Path));
    }

    [TestMethod]
    public void Two_that_stand_in_for_the_same_numbers_do_not_act_together()
    {
        _adapters.Add("c", new LoraOptions { Bias = "all" });
        _adapters.Add("d", new LoraOptions { Bias = "lora_only" });
        _adapters.Add("e", new LoraOptions { ModulesToSave = ["pooler"] });
        _adapters.Add("f", new LoraOptions { ModulesToSave = ["pooler"] });
        _adapters.Activate("a", "c", "e");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => _adapters.Activate("c", "d")).Message, "'c' and 'd' both bring their own bias of '");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => _adapters.Activate("e", "f")).Message, "'e' and 'f' both bring their own copy of 'bert.pooler.dense'");
        CollectionAssert.AreEqual(new[] { "a", "c", "e" }, _adapters.Active.ToArray());
    }

    [TestMethod]
    public void What_cannot_be_is_refused()
    {
        StringAssert.Contains(Assert.ThrowsExactly<KeyNotFoundException>(() => _adapters.Activate("c")).Message, "no adapter 'c'; there are a, b");
        Assert.ThrowsExactly<ArgumentException>(() => _adapters.Activate("a", "a"));
        Assert.ThrowsExactly<ArgumentException>(() => _adapters.Add("a", new LoraOptions()));
        Assert.ThrowsExactly<ArgumentException>(() => _adapters.Add(AdapterCollection.Base, new LoraOptions()));
        _adapters.Add("p", new PromptTuningOptions());
        _adapters.Activate("p");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => _adapters.Merge()).Message, "PROMPT_TUNING cannot be merged");
    }

    private static void AssertSame(Tensor expected, Tensor actual) => Assert.IsTrue(expected.bytes.SequenceEqual(actual.bytes));

    private Tensor Logits(ForwardContext context)
    {
        using var _ = no_grad();
        using (context)
        {
            return _bert.Forward(context).Logits;
        }
    }
}
