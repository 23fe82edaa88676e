using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Hydra owes.</summary>
[TestClass]
public sealed class HydraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new HydraOptions { ParallelRank = 2, SequentialRank = 3, UseBias = true };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * (inputs + outputs)) + (3 * 2 * outputs) + 2 + 3 + (2 * outputs);

    [TestMethod]
    public void The_sequential_branch_sees_the_bias()
    {
        var layer = Layer();
        var hydra = MethodCase.Parts(new HydraOptions { ParallelRank = 0, SequentialRank = 2, Scaling = 3 }, layer).Single();
        Randomize(hydra);
        var named = hydra.named_parameters().ToDictionary(p => p.name, p => p.parameter);

        var expected = layer.Bias! + named["B_s"].mm(named["A_s"]).mv(layer.Bias!).mul(3);
        AssertClose(expected.unsqueeze(0), ((Hydra)hydra).call(zeros(1, 6)));
    }

    [TestMethod]
    public void The_papers_count_is_met()
        => Assert.AreEqual(331_776 / 12, MethodCase.Parts(new HydraOptions(), Layer(3072, 768)).Single().parameters().Sum(p => p.numel())); // RoBERTa-base, output.dense of each block
}

/// <summary>What DyLoRA owes.</summary>
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
        Assert.AreEqual(3, ((LoraOptions)cut.Options!).Rank);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DyLoraTruncation.Truncate(set, 5));
    }
}

/// <summary>What PaCA owes.</summary>
[TestClass]
public sealed class PacaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PacaOptions { Rank = 3, Alpha = 6 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * outputs;

    [TestMethod]
    public void Columns_that_are_not_trained_keep_their_bits()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var indices = adapter.named_parameters().Single(p => p.name == "paca_indices").parameter.data<long>().ToArray();
        var merged = adapter.Materialize(layer.Weight.Dense());

        Assert.AreEqual(3, indices.Distinct().Count());
        for (var column = 0; column < 6; column++)
        {
            var same = layer.Weight.Dense().select(1, column).contiguous().bytes.SequenceEqual(merged.select(1, column).contiguous().bytes);
            Assert.AreEqual(!indices.Contains(column), same, $"column {column}");
        }
    }

    [TestMethod]
    public void The_columns_can_be_chosen_by_their_norm()
    {
        var layer = Layer();
        var norms = layer.Weight.Dense().square().sum([0L]).data<float>().ToArray();
        foreach (var selection in (PacaSelection[])[PacaSelection.LargestNorm, PacaSelection.SmallestNorm])
        {
            var part = MethodCase.Parts(new PacaOptions { Rank = 1, Selection = selection }, layer).Single();
            var chosen = (int)part.named_parameters().Single(p => p.name == "paca_indices").parameter.item<long>();
            Assert.AreEqual(selection == PacaSelection.LargestNorm ? norms.Max() : norms.Min(), norms[chosen]);
        }
    }
}

/// <summary>What LoLDU owes.</summary>
[TestClass]
public sealed class LoLduTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoLduOptions { Rank = 3, Alpha = 3 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3;

    [TestMethod]
    public void A_weight_without_a_full_set_of_pivots_gives_numbers_and_the_identity()
    {
        var weight = randn(4, 6);
        weight.select(0, 1).copy_(weight.select(0, 0));
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(weight), null);
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 4 }, layer).Single();
        var x = Input();

        AssertClose(Base(layer, x), adapter.call(x));
        Randomize(adapter);
        Assert.IsTrue(adapter.call(x).isfinite().all().item<bool>());
    }
}

/// <summary>What MoS owes.</summary>
[TestClass]
public sealed class MixtureOfShardsTests : LinearAdapterContract
{
    // A group of one layer: r can be e at most.
    protected override AdapterOptions Options => new MixtureOfShardsOptions { Rank = 2, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Dropout = 0 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void Shards_are_different_within_a_layer_and_private_ones_its_own()
    {
        var layers = Enumerable.Range(0, 3).Select(k => new LinearLayer($"block.{k}.query", k, new DenseWeight(randn(8, 8)), null)).ToArray();
        var parts = MethodCase.Parts(new MixtureOfShardsOptions { Rank = 4, EquivalentRank = 2, PrivateRank = 1, Shards = 2 }, layers);
        for (var k = 0; k < 3; k++)
        {
            var named = parts.OfType<MixtureOfShards>().ElementAt(k).named_parameters().ToDictionary(p => p.name, p => p.parameter.data<long>().ToArray());
            foreach (var indices in named.Values)
            {
                Assert.AreEqual(8, indices.Distinct().Count());
                Assert.IsTrue(indices[..6].All(i => i < 6)); // public: (2 − 1)·3·2
                CollectionAssert.AreEqual(new long[] { 6 + (2 * k), 7 + (2 * k) }, indices[6..]);
            }

            CollectionAssert.AreNotEqual(named["mos_indices_A"], named["mos_indices_B"]);
        }

        Assert.AreEqual(3 * 2 * (8 + 8), parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
    }
}
