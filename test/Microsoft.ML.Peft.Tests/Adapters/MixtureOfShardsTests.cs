using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

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
        var layers = Enumerable.Range(0, 3).Select(Query).ToArray();
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
    public void Rows_are_their_shards_beside_each_other_and_columns_too()
    {
        var (parts, pools, member) = Make(new() { Rank = 3, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Dropout = 0 }, 3);
        using var _ = no_grad();
        foreach (var pool in (string[])["mos_A", "mos_B"])
        {
            pools[pool].copy_(arange(12).to(ScalarType.Float32).unsqueeze(1).expand(12, 4)); // each shard is its own index
        }

        var ((a, b, _), named) = (((ILowRankUpdate)member).Update(), member.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter));
        AssertClose(named["mos_indices_A"].to(ScalarType.Float32).view(3, 2, 1).expand(3, 2, 4).reshape(3, 8), a);
        AssertClose(named["mos_indices_B"].to(ScalarType.Float32).view(3, 2, 1).expand(3, 2, 4).reshape(3, 8).t() * (16.0 / 3), b);
        Assert.HasCount(4, parts);
    }

    [TestMethod]
    public void With_private_shards_alone_each_layer_is_a_lora_of_its_own()
    {
        var (parts, pools, _) = Make(new() { Rank = 2, EquivalentRank = 2, PrivateRank = 2, Shards = 2, Dropout = 0 }, 3);
        var layers = parts.OfType<MixtureOfShards>().ToArray();
        var used = layers.Select(l => Parameter(l, "mos_indices_A").data<long>().ToArray()).ToArray();

        CollectionAssert.AreEqual(Enumerable.Range(0, 12).Select(k => (long)k).ToArray(), used.SelectMany(u => u).ToArray());
        layers[1].call(randn(2, 8)).sum().backward();
        Assert.AreEqual(0, pools["mos_A"].grad!.count_nonzero().item<long>()); // B is still 0
        for (var k = 0; k < 12; k++)
        {
            Assert.AreEqual(k / 4 == 1, pools["mos_B"].grad![k].count_nonzero().item<long>() > 0, $"shard {k}"); // no other layer's
        }

        using var _ = no_grad();
        nn.init.normal_(pools["mos_B"]);
        var x = randn(3, 8);
        for (var k = 0; k < 3; k++)
        {
            var (a, b) = (pools["mos_A"].narrow(0, 4 * k, 4).reshape(2, 8), pools["mos_B"].narrow(0, 4 * k, 4).reshape(2, 8));
            AssertClose(Base(layers[k].Layer, x) + x.mm(a.t()).mm(b) * 8, layers[k].call(x)); // LoRA of rank 2 with α/r = 16/2
        }
    }

    [TestMethod]
    public void Shards_beyond_the_pool_are_refused()
    {
        var (_, _, member) = Make(new() { Rank = 3, EquivalentRank = 2, PrivateRank = 1, Shards = 2 }, 3);
        member.Loaded();
        using var __ = no_grad();
        Parameter(member, "mos_indices_B")[1].fill_(12);
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(member.Loaded).Message, "mos_indices_B of 'block.2.query' names a shard beyond the 12 of the pool");
    }

    [TestMethod]
    public void A_public_shard_gets_the_gradients_of_all_that_use_it()
    {
        var (parts, pools, _) = Make(new() { Rank = 2, EquivalentRank = 1, PrivateRank = 0, Shards = 1, Dropout = 0 }, 2); // two shards, both in both layers
        var (layers, x) = (parts.OfType<MixtureOfShards>().ToArray(), randn(2, 8));
        var single = layers.Select(layer =>
        {
            pools["mos_B"].grad?.zero_();
            layer.call(x).sum().backward();
            return pools["mos_B"].grad!.clone();
        }).ToArray();
        pools["mos_B"].grad!.zero_();
        (layers[0].call(x).sum() + layers[1].call(x).sum()).backward();

        AssertClose(single[0] + single[1], pools["mos_B"].grad!);
    }

    [TestMethod]
    public void Alone_with_one_shard_a_vector_it_is_plain_lora_and_exports_as_one()
    {
        var options = new MixtureOfShardsOptions { Rank = 2, EquivalentRank = 2, PrivateRank = 0, Shards = 1, Dropout = 0 };
        var (parts, pools, member) = Make(options, 1);
        using (no_grad())
        {
            foreach (var indices in (string[])["mos_indices_A", "mos_indices_B"])
            {
                Parameter(member, indices).copy_(arange(2, ScalarType.Int64));
            }

            nn.init.normal_(pools["mos_B"]);
        }

        var x = randn(3, 8);
        AssertClose(Base(member.Layer, x) + x.mm(pools["mos_A"].t()).mm(pools["mos_B"]) * 8, member.call(x)); // α/r = 16/2
        using var set = AdapterSet.Of("x", options, parts, 1);
        using var lora = AdapterConversion.ToLora(set);
        AssertClose(member.call(x), ((Lora)lora.Adapters.Single()).call(x));
    }

    [TestMethod]
    public void Counts_are_those_of_a_lora_of_the_equivalent_rank()
    {
        Assert.AreEqual(4_997_120, 32 * Block(2, 4096, 4096, 11_008)); // LLaMA2-7B
        Assert.AreEqual(19_988_480, 32 * Block(8, 4096, 4096, 11_008));
        Assert.AreEqual(5_242_880, 32 * Block(2, 4096, 1024, 14_336)); // LLaMA3-8B
        Assert.AreEqual(3_039_232, 28 * Block(2, 3072, 1024, 8192)); // LLaMA3.2-3B
        foreach (var (rank, privately, shards) in new[] { (2, 1, 1), (4, 0, 2), (3, 1, 4) })
        {
            var (parts, _, _) = Make(new() { Rank = rank, EquivalentRank = 2, PrivateRank = privately, Shards = shards }, 4);
            Assert.AreEqual(4 * 2 * (8 + 8), parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
        }

        static long Block(long rank, long hidden, long keys, long inner) => rank * ((4 * hidden) + (2 * (hidden + keys)) + (3 * (hidden + inner)));
    }

    [TestMethod]
    public void A_prediction_puts_the_shards_together_once_and_the_next_one_anew()
    {
        var (_, pools, member) = Make(new() { Rank = 3, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Dropout = 0 }, 3);
        var x = randn(2, 8);
        using var _ = no_grad();
        nn.init.normal_(pools["mos_B"]);
        var before = In(ForwardContext.Predicting());
        nn.init.normal_(pools["mos_B"]);
        var after = In(ForwardContext.Predicting());
        Assert.IsFalse(before.allclose(after));
        AssertClose(nn.functional.linear(x, member.Materialize(member.Layer.Weight.Dense())), after);

        using var open = ForwardContext.Predicting();
        AssertClose(after, member.Forward(x, new LayerCall(member.Layer, [], open)));
        AssertClose(pools["mos_A"].index_select(0, Parameter(member, "mos_indices_A")).view(3, 8), open.Once(member, "A", ScalarType.Float32, () => throw new InvalidOperationException()));
        Assert.AreEqual(0, GradientsWanted());

        Tensor In(ForwardContext context)
        {
            using (context)
            {
                return member.Forward(x, new LayerCall(member.Layer, [], context));
            }
        }

        // Where gradients are wanted nothing is kept, and they reach the pools each time.
        int GradientsWanted()
        {
            using var __ = enable_grad();
            using var context = ForwardContext.Predicting();
            for (var k = 0; k < 2; k++)
            {
                member.Forward(x, new LayerCall(member.Layer, [], context)).sum().backward();
            }

            return pools["mos_A"].grad is null ? 1 : 0;
        }
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
            var parts = of.CreateParts(new AdapterBuild([.. Enumerable.Range(0, 3).Select(Query)], initialization)).ToList();
            return (
                [.. parts.OfType<MixtureOfShards>().SelectMany(p => p.parameters()).SelectMany(p => p.data<long>().ToArray())],
                parts.OfType<ModelAdapter>().Single().parameters().First().data<float>().ToArray());
        }
    }

    [TestMethod]
    public void Shards_that_nobody_has_drawn_do_not_fade()
        => Assert.IsFalse(Parts(Layer()).OfType<ModelAdapter>().Single().GroupOf("mos_A").Decays);

    private static LinearLayer Query(int k) => new($"block.{k}.query", k, new DenseWeight(randn(8, 8)), null);

    private static (List<Adapter> Parts, Dictionary<string, TorchSharp.Modules.Parameter> Pools, MixtureOfShards Last) Make(MixtureOfShardsOptions options, int count)
    {
        var layers = Enumerable.Range(0, count).Select(Query).ToArray();
        var parts = MethodCase.Parts(options, layers);
        return (parts, parts.OfType<ModelAdapter>().Single().named_parameters().ToDictionary(p => p.name, p => p.parameter), parts.OfType<MixtureOfShards>().Last());
    }
}
