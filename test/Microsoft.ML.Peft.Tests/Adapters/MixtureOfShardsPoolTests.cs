using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What MoS's pools get while training, what predictions make of them, and that files keep them.</summary>
[TestClass]
public sealed class MixtureOfShardsPoolTests : GoldenMethodTests
{
    [TestMethod]
    public void A_private_shard_gets_gradients_of_its_layer_alone()
    {
        var (parts, pools, _) = MixtureOfShardsTests.Make(new() { Rank = 2, EquivalentRank = 2, PrivateRank = 2, Shards = 2, Dropout = 0 }, 3);
        var layers = parts.OfType<MixtureOfShards>().ToArray();
        var used = layers.Select(l => Named(l)["mos_indices_A"].data<long>().ToArray()).ToArray();

        CollectionAssert.AreEqual(Enumerable.Range(0, 12).Select(k => (long)k).ToArray(), used.SelectMany(u => u).ToArray());
        layers[1].call(randn(2, 8)).sum().backward();
        Assert.AreEqual(0, pools["mos_A"].grad!.count_nonzero().item<long>()); // B is still 0
        for (var k = 0; k < 12; k++)
        {
            Assert.AreEqual(k / 4 == 1, pools["mos_B"].grad![k].count_nonzero().item<long>() > 0, $"shard {k}"); // no other layer's
        }

        using (no_grad())
        {
            nn.init.normal_(pools["mos_B"]);
            pools["mos_A"].grad!.zero_();
        }

        layers[1].call(randn(2, 8)).sum().backward();
        for (var k = 0; k < 12; k++)
        {
            Assert.AreEqual(k / 4 == 1, pools["mos_A"].grad![k].count_nonzero().item<long>() > 0, $"shard {k} of A");
        }
    }

    [TestMethod]
    public void A_public_shard_gets_the_gradients_of_all_that_use_it()
    {
        var (parts, pools, _) = MixtureOfShardsTests.Make(new() { Rank = 2, EquivalentRank = 1, PrivateRank = 0, Shards = 1, Dropout = 0 }, 2); // two shards, both in both layers
        var (layers, x) = (parts.OfType<MixtureOfShards>().ToArray(), randn(2, 8));
        var single = layers.Select(layer =>
        {
            pools["mos_B"].grad?.zero_();
            layer.call(x).sum().backward();
            return pools["mos_B"].grad!.clone();
        }).ToArray();
        pools["mos_B"].grad!.zero_();
        (layers[0].call(x).sum() + layers[1].call(x).sum()).backward();

        Golden.Close.Assert(single[0] + single[1], pools["mos_B"].grad!, "both");
    }

    [TestMethod]
    public void Shards_that_nobody_has_drawn_do_not_fade()
    {
        var (parts, _, _) = MixtureOfShardsTests.Make(new() { Rank = 2, EquivalentRank = 2, PrivateRank = 1 }, 2);
        using var set = AdapterSet.Of("x", null, parts, 2);

        Assert.AreEqual(2, set.TrainedParameters().Count()); // each pool once, whatever the count of layers
        Assert.IsTrue(set.TrainedParameters().All(p => !p.Group.Decays));
    }

    [TestMethod]
    public void A_prediction_puts_the_shards_together_once_and_the_next_one_anew()
    {
        var (_, pools, member) = MixtureOfShardsTests.Make(new() { Rank = 3, EquivalentRank = 2, PrivateRank = 1, Shards = 2, Dropout = 0 }, 3);
        var x = randn(2, 8);
        using var _ = no_grad();
        nn.init.normal_(pools["mos_B"]);
        var before = In(ForwardContext.Predicting());
        nn.init.normal_(pools["mos_B"]);
        var after = In(ForwardContext.Predicting());
        Assert.IsFalse(before.allclose(after));
        Golden.Close.Assert(nn.functional.linear(x, member.Materialize(member.Layer.Weight.Dense())), after, "once");

        using var open = ForwardContext.Predicting();
        Golden.Close.Assert(after, member.Forward(x, new LayerCall(member.Layer, [], open)), "once");
        Golden.Close.Assert(pools["mos_A"].index_select(0, Named(member)["mos_indices_A"]).view(3, 8), open.Once(member, "A", ScalarType.Float32, () => throw new InvalidOperationException()), "once");
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

    // Pools and both index vectors, on every linear layer of a model.
    [TestMethod]
    [DataRow("bert-mlm")]
    [DataRow("llama")]
    [DataRow("t5")]
    public void A_folder_gives_the_same_numbers_and_indices(string model)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        using var adapter = Create(new MixtureOfShardsOptions { Rank = 2, EquivalentRank = 2, PrivateRank = 1, Shards = 2 }, 1);
        using (no_grad())
        {
            foreach (var (parameter, _) in adapter.TrainedParameters())
            {
                nn.init.normal_(parameter);
            }
        }

        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(adapter, folder.Path, null, "base");
        using var loaded = Create(AdapterCheckpoint.ReadOptions(folder.Path), 9);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);
        var (written, read) = (adapter.Parameters().ToList(), loaded.Parameters().ToList());
        CollectionAssert.AreEqual(written.ConvertAll(p => p.FileName), read.ConvertAll(p => p.FileName));
        Assert.IsTrue(written.Zip(read).All(pair => pair.First.Parameter.bytes.SequenceEqual(pair.Second.Parameter.bytes)));
        Assert.IsTrue(written.Exists(p => p.FileName.EndsWith("mos_indices_B", StringComparison.Ordinal)));

        AdapterSet Create(AdapterOptions options, long seed) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), seed);
    }
}
