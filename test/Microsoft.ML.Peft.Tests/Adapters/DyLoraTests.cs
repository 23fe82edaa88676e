using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What DyLoRA owes, its law of scales and its truncation.</summary>
[TestClass]
public sealed class DyLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DyLoraOptions { Rank = 4 };

    protected override long TrainedNumbers(long inputs, long outputs) => 4 * (inputs + outputs);

    [TestMethod]
    public void Ranks_are_drawn_evenly_and_the_same_for_the_same_seed()
    {
        using var set = AdapterSet.Of("x", null, [], 0);
        using var first = new DyLoraTraining(set, new() { Rank = 8 });
        using var second = new DyLoraTraining(set, new() { Rank = 8 });
        var drawn = Enumerable.Range(0, 10_000).Select(_ => first.Draw()).ToArray();

        CollectionAssert.AreEqual(drawn, Enumerable.Range(0, 10_000).Select(_ => second.Draw()).ToArray());
        Assert.IsTrue(drawn.GroupBy(r => r).Count() == 8 && drawn.GroupBy(r => r).All(g => Math.Abs(g.Count() - 1250) < 150));
        using var blocks = new DyLoraTraining(set, new() { Rank = 8, BlockSize = 2, SmallestRank = 3 });
        CollectionAssert.AreEquivalent(new[] { 4, 6, 8 }, Enumerable.Range(0, 500).Select(_ => blocks.Draw()).Distinct().ToArray());
    }

    [TestMethod]
    public void A_truncated_adapter_is_plain_lora_of_that_rank()
    {
        var layer = Layer();
        var adapter = (DyLora)Wrap(layer);
        Randomize(adapter);
        using var set = AdapterSet.Of("x", Options, [adapter], 1);
        adapter.ActiveRank = 3;
        var x = Input();
        var expected = adapter.call(x);

        using var cut = DyLoraTruncation.Truncate(set, 3);

        AssertClose(expected, ((Lora)cut.Adapters.Single()).call(x));
        var lora = (LoraOptions)cut.Options!;
        Assert.AreEqual((3, 16.0), (lora.Rank, lora.Alpha)); // α/3, as DyLoRA has it at 3
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DyLoraTruncation.Truncate(set, 5));
    }

    [TestMethod]
    public void Small_ranks_can_be_drawn_more_often()
    {
        using var set = AdapterSet.Of("x", null, [], 0);
        using var training = new DyLoraTraining(set, new() { Rank = 4, Ranks = DyLoraRanks.Geometric, RankProbability = 0.5 });
        var counts = Enumerable.Range(0, 15_000).GroupBy(_ => training.Draw()).ToDictionary(g => g.Key, g => g.Count());
        foreach (var (rank, expected) in new[] { (1, 8_000), (2, 4_000), (3, 2_000), (4, 1_000) }) // 8 : 4 : 2 : 1
        {
            Assert.AreEqual(expected, counts[rank], 250, $"rank {rank}");
        }
    }

    [TestMethod]
    public void Each_rank_has_the_scale_of_its_own_and_starts_as_the_base()
    {
        var (layer, x) = (Layer(), Input());
        var start = (DyLora)Wrap(layer);
        var adapter = (DyLora)Wrap(layer);
        Randomize(adapter);
        var (a, b) = (Parameter(adapter, "lora_A"), Parameter(adapter, "lora_B"));
        for (var rank = 1; rank <= 4; rank++)
        {
            start.ActiveRank = adapter.ActiveRank = rank;
            AssertClose(Base(layer, x), start.call(x));
            var update = b.narrow(1, 0, rank).mm(a.narrow(0, 0, rank)) * (16.0 / rank); // α/b
            AssertClose(update, adapter.Delta());
            AssertClose(Base(layer, x) + x.matmul(update.t()), adapter.call(x));
        }

        var lora = (Lora)MethodCase.Parts(new LoraOptions { Rank = 4, Alpha = 16 }, layer).Single();
        using var _ = no_grad();
        Parameter(lora, "lora_A").copy_(a);
        Parameter(lora, "lora_B").copy_(b);
        AssertClose(lora.call(x), adapter.call(x));
    }

    [TestMethod]
    public void Counts_are_those_of_the_paper()
    {
        using var cut = DyLoraTruncation.Truncate(AdapterSet.ForWeights(new DyLoraOptions(), [new("x", zeros(768, 768), null)], 0), 1);
        Assert.AreEqual(36_864, 24 * cut.TrainableCount);
        Assert.AreEqual(294_912, 24 * MethodCase.Parts(new DyLoraOptions(), Layer(768, 768)).Single().parameters().Sum(p => p.numel())); // RoBERTa-base, query and value
    }
}
