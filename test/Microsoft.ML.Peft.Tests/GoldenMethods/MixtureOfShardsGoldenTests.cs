using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Tests.GoldenMethods;

[TestClass]
public sealed class MixtureOfShardsGoldenTests : GoldenMethodTests
{
    public static IEnumerable<object[]> Cases => MethodCase.Cases("mos");

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_gradients_and_merged_weights_are_the_authors(string name)
    {
        using var golden = MethodCase.Load("mos", name);
        var layers = Enumerable.Range(0, golden.Int("num_layers")).Select(k => golden.Layer($"block.{k}.query", $"layer{k}.base.", k)).ToArray();
        var parts = MethodCase.Parts(
            new MixtureOfShardsOptions
            {
                Rank = golden.Int("r"),
                EquivalentRank = golden.Int("equivalent_rank"),
                PrivateRank = golden.Int("private_rank"),
                Shards = golden.Int("num_shards"),
                Alpha = golden.Number("lora_alpha"),
                Dropout = 0,
            },
            layers);
        var pools = Named(parts.OfType<ModelAdapter>().Single());
        golden.Fill(pools["mos_A"], "param.A_pool");
        golden.Fill(pools["mos_B"], "param.B_pool");
        var members = parts.OfType<MixtureOfShards>().ToArray();
        for (var k = 0; k < members.Length; k++)
        {
            golden.Fill(Named(members[k])["mos_indices_A"], $"layer{k}.param.I_a");
            golden.Fill(Named(members[k])["mos_indices_B"], $"layer{k}.param.I_b");
            var x = golden[$"layer{k}.input"].clone().requires_grad_(true);
            var y = members[k].call(x);
            golden.AssertClose($"layer{k}.output", y);
            (y * golden[$"layer{k}.cotangent"]).sum().backward();
            golden.AssertClose($"layer{k}.grad.input", x.grad);
            golden.AssertClose($"layer{k}.merged.weight", members[k].Materialize(layers[k].Weight.Dense()));
        }

        golden.AssertClose("grad.A_pool", pools["mos_A"].grad);
        golden.AssertClose("grad.B_pool", pools["mos_B"].grad);
    }
}
