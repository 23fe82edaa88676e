using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which shards MoS draws, and what its pools start with.</summary>
[TestClass]
public sealed class MixtureOfShardsDrawTests : GoldenMethodTests
{
    [TestMethod]
    public void Shards_are_different_within_a_layer_and_private_ones_its_own()
    {
        var layers = Enumerable.Range(0, 3).Select(MixtureOfShardsTests.Query).ToArray();
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

    [TestMethod]
    public void A_seed_of_its_own_decides_the_shards_alone()
    {
        var options = new MixtureOfShardsOptions { Rank = 4, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Seed = 5 };
        var (first, second, other) = (Drawn(options, 1), Drawn(options, 2), Drawn(options with { Seed = 6 }, 1));

        CollectionAssert.AreEqual(first.Indices, second.Indices);
        CollectionAssert.AreNotEqual(first.Indices, other.Indices);
        CollectionAssert.AreEqual(first.Start, other.Start);
        CollectionAssert.AreNotEqual(first.Start, second.Start);
        CollectionAssert.AreEqual(Drawn(options with { Seed = null }, 1).Indices, Drawn(options with { Seed = null }, 1).Indices);
        Assert.AreEqual(5, ((MixtureOfShardsOptions)AdapterOptions.FromJson(options.ToJson(), "test")).Seed);

        (long[] Indices, float[] Start) Drawn(MixtureOfShardsOptions of, long seed)
        {
            using var initialization = new Initialization(seed);
            var parts = of.CreateParts(new AdapterBuild([.. Enumerable.Range(0, 3).Select(MixtureOfShardsTests.Query)], initialization)).ToList();
            return (
                [.. parts.OfType<MixtureOfShards>().SelectMany(p => p.parameters()).SelectMany(p => p.data<long>().ToArray())],
                parts.OfType<ModelAdapter>().Single().parameters().First().data<float>().ToArray());
        }
    }

    [TestMethod]
    public void Shards_beyond_the_pool_are_refused()
    {
        var (_, _, member) = MixtureOfShardsTests.Make(new() { Rank = 3, EquivalentRank = 2, PrivateRank = 1, Shards = 2 }, 3);
        member.Loaded();
        using var __ = no_grad();
        Named(member)["mos_indices_B"][1].fill_(12);
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(member.Loaded).Message, "mos_indices_B of 'block.2.query' names a shard beyond the 12 of the pool");
    }

    // By the width of the layer, not that of a shard.
    [TestMethod]
    public void The_pool_of_A_starts_within_one_over_the_root_of_all_inputs_and_that_of_B_with_zeros()
    {
        var layers = Enumerable.Range(0, 4).Select(k => new LinearLayer($"block.{k}.query", k, new DenseWeight(zeros(64, 64)), null)).ToArray();
        var pools = Named(MethodCase.Parts(new MixtureOfShardsOptions { Rank = 4, EquivalentRank = 4, PrivateRank = 1, Shards = 4 }, layers).OfType<ModelAdapter>().Single());

        CollectionAssert.AreEqual(new long[] { 4 * 4 * 4, 64 / 4 }, pools["mos_A"].shape);
        Assert.AreEqual(1 / Math.Sqrt(64), pools["mos_A"].abs().max().item<float>(), 0.002);
        Assert.AreEqual(1 / Math.Sqrt(3 * 64), pools["mos_A"].std().item<float>(), 0.005); // of a uniform number
        Assert.AreEqual(0, pools["mos_B"].count_nonzero().item<long>());
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        LinearLayer[] layers = [.. Enumerable.Range(0, 3).Select(MixtureOfShardsTests.Query)];
        var options = new MixtureOfShardsOptions { EquivalentRank = 2, PrivateRank = 1, Rank = 4, Shards = 2 };

        MethodCase.Parts(options, layers); // (2 − 1)·3 + 1 ranks
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(options with { Rank = 5 }, layers)).Message, "r be at most 4");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(options with { Shards = 3 }, layers)).Message, "num_shards must divide both sides");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>((options with { PrivateRank = 2 }).Validate).Message, "Rank must be 2");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>((options with { PrivateRank = 3 }).Validate);
    }
}
