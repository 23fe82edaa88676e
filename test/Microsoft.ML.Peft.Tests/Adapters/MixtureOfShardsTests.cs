using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What MoS owes: its update is a LoRA of shards.</summary>
[TestClass]
public sealed class MixtureOfShardsTests : LinearAdapterContract
{
    // A group of one layer: r can be e at most.
    protected override AdapterOptions Options => new MixtureOfShardsOptions { Rank = 2, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Dropout = 0 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

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
        Assert.AreEqual(4_997_120, Trained(2, 32, 4096, 4096, 11_008)); // LLaMA2-7B
        Assert.AreEqual(19_988_480, Trained(8, 32, 4096, 4096, 11_008));
        Assert.AreEqual(5_242_880, Trained(2, 32, 4096, 1024, 14_336)); // LLaMA3-8B
        Assert.AreEqual(3_039_232, Trained(2, 28, 3072, 1024, 8192)); // LLaMA3.2-3B
        foreach (var (rank, privately, shards) in new[] { (2, 1, 1), (4, 0, 2), (3, 1, 4) })
        {
            var (parts, _, _) = Make(new() { Rank = rank, EquivalentRank = 2, PrivateRank = privately, Shards = shards }, 4);
            Assert.AreEqual(4 * 2 * (8 + 8), parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel()));
        }

        // Weights that are one number, so that a large model costs nothing.
        static long Trained(int budget, int blocks, long hidden, long keys, long inner)
        {
            (string, long, long)[] kinds =
                [("q", hidden, hidden), ("k", hidden, keys), ("v", hidden, keys), ("o", hidden, hidden), ("gate", hidden, inner), ("up", hidden, inner), ("down", inner, hidden)];
            var layers = Enumerable.Range(0, blocks).SelectMany(_ => kinds, (k, kind) => (Path: $"layers.{k}.{kind.Item1}", Inputs: kind.Item2, Outputs: kind.Item3))
                .Select((at, index) => new LinearLayer(at.Path, index, new DenseWeight(zeros(1, 1).expand(at.Outputs, at.Inputs)), null)).ToArray();
            return MethodCase.Parts(new MixtureOfShardsOptions { Rank = 8, EquivalentRank = budget, PrivateRank = 1, Shards = 4 }, layers)
                .SelectMany(p => p.parameters()).Where(p => p.requires_grad).Sum(p => p.numel());
        }
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
        using var _ = no_grad();
        nn.init.normal_(pools["mos_B"]);
        var x = randn(3, 8);
        for (var k = 0; k < 3; k++)
        {
            var (a, b) = (pools["mos_A"].narrow(0, 4 * k, 4).reshape(2, 8), pools["mos_B"].narrow(0, 4 * k, 4).reshape(2, 8));
            AssertClose(Base(layers[k].Layer, x) + x.mm(a.t()).mm(b) * 8, layers[k].call(x)); // LoRA of rank 2 with α/r = 16/2
        }
    }

    /// <summary>A layer of the same name and size as the others that this makes.</summary>
    internal static LinearLayer Query(int k) => new($"block.{k}.query", k, new DenseWeight(randn(8, 8)), null);

    /// <summary>MoS on some layers: all parts, the pools of their group and the part of the last layer.</summary>
    internal static (List<Adapter> Parts, Dictionary<string, TorchSharp.Modules.Parameter> Pools, MixtureOfShards Last) Make(MixtureOfShardsOptions options, int count)
    {
        var layers = Enumerable.Range(0, count).Select(Query).ToArray();
        var parts = MethodCase.Parts(options, layers);
        return (parts, parts.OfType<ModelAdapter>().Single().named_parameters().ToDictionary(p => p.name, p => p.parameter), parts.OfType<MixtureOfShards>().Last());
    }
}
