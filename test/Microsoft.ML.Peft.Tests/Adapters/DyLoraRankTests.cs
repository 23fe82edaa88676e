using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What of DyLoRA learns at a rank, and how its rank is set.</summary>
[TestClass]
public sealed class DyLoraRankTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void While_frozen_the_last_row_and_column_learn_alone_else_all_up_to_the_rank(bool frozen)
    {
        for (var rank = 1; rank <= 4; rank++)
        {
            var (adapter, _) = Make(new() { Rank = 4, TrainsLastOnly = frozen });
            Randomize(adapter);
            Backward(adapter, rank);
            var expected = string.Join(' ', Enumerable.Range(1, 4).Where(k => frozen ? k == rank : k <= rank));
            Assert.AreEqual(expected, Learnt(adapter, "lora_A", 1));
            Assert.AreEqual(expected, Learnt(adapter, "lora_B", 0));
        }
    }

    [TestMethod]
    public void In_the_first_step_only_the_last_column_learns()
    {
        var (adapter, _) = Make(new() { Rank = 4 });
        Backward(adapter, 3);
        Assert.AreEqual("", Learnt(adapter, "lora_A", 1)); // B is 0
        Assert.AreEqual("3", Learnt(adapter, "lora_B", 0));
    }

    [TestMethod]
    public void Every_layer_has_the_rank_of_the_step_and_the_full_one_afterwards()
    {
        var options = new DyLoraOptions { Rank = 8, RankSeed = 5 };
        var parts = MethodCase.Parts(options, Layer("block.0.query"), Layer("block.1.query")).Cast<DyLora>().ToList();
        using var set = AdapterSet.Of("x", options, parts, 2);
        using var training = set.CreateTraining()!;
        HashSet<int> ranks = [];
        for (var step = 0; step < 100; step++)
        {
            training.BeforeForward(new(step, 100, 1e-3));
            ranks.Add(parts[0].ActiveRank);
            parts[0].call(randn(2, 6)); // draws nothing
            Assert.AreEqual(parts[0].ActiveRank, parts[1].ActiveRank);
        }

        Assert.HasCount(8, ranks);
        training.Finish();
        Assert.IsTrue(parts.All(part => part.ActiveRank == 8));
    }

    [TestMethod]
    public void An_adapter_computes_and_merges_at_the_rank_that_is_set()
    {
        var (adapter, set) = Make(new() { Rank = 4 });
        Randomize(adapter);
        var (layer, x) = (adapter.Layer, randn(5, 6));
        DyLoraTruncation.SetRank(set, 3);
        var (weight, expected) = (layer.Weight.Dense().clone(), adapter.call(x));
        using (set.Merge())
        {
            Golden.Close.Assert(expected.detach(), nn.functional.linear(x, layer.Weight.Dense()).detach(), "merged at 3", 1e-5);
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DyLoraTruncation.SetRank(set, 1)).Message, "unmerge it");
            adapter.ActiveRank = 1; // by its own setter: the merge takes away what it has added all the same
        }

        Assert.IsTrue(weight.bytes.SequenceEqual(layer.Weight.Dense().bytes));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DyLoraTruncation.SetRank(set, 5));
        using var other = AdapterSet.ForWeights(new LoraOptions(), [new("x", randn(4, 6), null)], 0);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DyLoraTruncation.SetRank(other, 1)).Message, "LORA");
    }

    private static (DyLora Adapter, AdapterSet Set) Make(DyLoraOptions options)
    {
        var adapter = (DyLora)MethodCase.Parts(options, Layer("block.0.query")).Single();
        return (adapter, AdapterSet.Of("x", options, [adapter], 1));
    }

    private static LinearLayer Layer(string path) => new(path, 0, new DenseWeight(randn(6, 6)), null);

    private static void Backward(DyLora adapter, int rank)
    {
        adapter.ActiveRank = rank;
        adapter.train();
        adapter.call(randn(5, 6)).square().sum().backward();
    }

    // Ranks, from 1, whose row or column has a gradient.
    private static string Learnt(DyLora adapter, string name, long along)
        => string.Join(' ', adapter.get_parameter(name)!.grad!.abs().sum([along]).cpu().data<float>().ToArray().Select((size, k) => (size, k)).Where(p => p.size > 0).Select(p => p.k + 1));

    private static void Randomize(DyLora adapter)
    {
        using var _ = no_grad();
        foreach (var parameter in adapter.parameters())
        {
            nn.init.normal_(parameter);
        }
    }
}
