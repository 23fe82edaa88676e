using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class MixtureOfShardsGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodKinds.Cases("mos", MethodKinds.Layer);

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name) => Check("mos", name, golden =>
    {
        var layers = Enumerable.Range(0, golden.Int("num_layers")).Select(k => golden.Layer($"block.{k}.query", $"layer{k}.base.", k)).ToArray();
        var options = golden.Settings<MixtureOfShardsOptions>();
        var parts = MethodCase.Parts(options, layers);
        var pools = Named(parts.OfType<ModelAdapter>().Single());
        AssertStart(golden, pools["mos_A"], layers[0].InFeatures);
        golden.Fill([("A_pool", pools["mos_A"]), ("B_pool", pools["mos_B"])]);
        var members = parts.OfType<MixtureOfShards>().ToArray();
        for (var k = 0; k < members.Length; k++)
        {
            var (member, named, weight) = (members[k], Named(members[k]), layers[k].Weight.Dense());
            AssertIndices(golden[$"layer{k}.param.I_a"], named["mos_indices_A"], options, k, members.Length);
            AssertIndices(golden[$"layer{k}.param.I_b"], named["mos_indices_B"], options, k, members.Length);
            golden.Fill(named["mos_indices_A"], $"layer{k}.param.I_a");
            golden.Fill(named["mos_indices_B"], $"layer{k}.param.I_b");
            golden.AssertForwardAndBackward(member.call, prefix: $"layer{k}.");
            golden.AssertCloseIfThere($"layer{k}.merged.weight", () => member.Materialize(weight));
            var recorded = golden[$"layer{k}.B"].mm(golden[$"layer{k}.A"]) * (options.Alpha / options.Rank);
            Golden.Close.Assert(weight + recorded, member.Materialize(weight), $"the factors of layer {k}", golden.Tolerance);
        }

        golden.AssertClose("grad.A_pool", pools["mos_A"].grad);
        golden.AssertClose("grad.B_pool", pools["mos_B"].grad);
    });

    // Both are drawn, within the same bound.
    private static void AssertStart(MethodCase golden, Tensor pool, long inputs)
    {
        if (golden.Has("init.A_pool"))
        {
            CollectionAssert.AreEqual(golden["init.A_pool"].shape, pool.shape);
            Assert.IsLessThanOrEqualTo(1 / Math.Sqrt(inputs), golden["init.A_pool"].abs().max().item<float>());
            Assert.IsLessThanOrEqualTo(1 / Math.Sqrt(inputs), pool.abs().max().item<float>());
        }
    }

    // Both draw shared shards, and have the same private ones at the same places.
    private static void AssertIndices(Tensor recorded, Tensor ours, MixtureOfShardsOptions options, int layer, int layers)
    {
        var (own, first) = (options.PrivateRank * options.Shards, (options.EquivalentRank - options.PrivateRank) * layers * options.Shards);
        foreach (var indices in (long[][])[Of(recorded), Of(ours)])
        {
            CollectionAssert.AreEqual(Enumerable.Range(first + (layer * own), own).Select(row => (long)row).ToArray(), indices[^own..]);
            CollectionAssert.AllItemsAreUnique(indices);
            Assert.IsTrue(indices[..^own].All(row => row < first));
        }

        static long[] Of(Tensor tensor) => tensor.to(ScalarType.Int64).data<long>().ToArray();
    }
}
