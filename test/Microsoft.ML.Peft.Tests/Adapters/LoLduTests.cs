using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What LoLDU owes on one layer.</summary>
[TestClass]
public sealed class LoLduTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoLduOptions { Rank = 3, Alpha = 3 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3;

    [TestMethod]
    public void Only_the_diagonal_learns_without_decay_and_is_a_lora()
    {
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 3, SavesFactors = true }, Layer()).Single();
        Randomize(adapter);
        adapter.call(Input()).sum().backward();
        using var set = AdapterSet.Of("x", new LoLduOptions { Rank = 3, SavesFactors = true }, [adapter], 1);

        Assert.AreSame(Parameter(adapter, "vector_z"), set.TrainedParameters().Single().Parameter);
        Assert.IsFalse(set.TrainedParameters().Single().Group.Decays);
        Assert.IsTrue(adapter.named_parameters().All(p => p.name == "vector_z" == p.parameter.grad is not null));
        using var lora = AdapterConversion.ToLora(set);
        var x = Input();
        AssertClose(adapter.call(x), ((Lora)lora.Adapters.Single()).call(x));
    }

    [TestMethod]
    public void Counts_are_those_of_the_authors()
    {
        Assert.AreEqual(15, MethodCase.Parts(new LoLduOptions { Rank = 15 }, Layer(15, 15)).Single().parameters().Sum(p => p.numel()));
        Assert.AreEqual(18_432, 24 * MethodCase.Parts(new LoLduOptions { Rank = 768 }, Layer(768, 768)).Single().parameters().Sum(p => p.numel())); // ViT-B/16, query and value
    }

    [TestMethod]
    public void The_gradient_is_the_slope()
    {
        var adapter = (LoLdu)Wrap(Layer());
        var (x, z) = (randn(3, 6), Parameter(adapter, "vector_z"));
        Randomize(adapter);
        adapter.call(x).square().sum().backward();
        using var _ = no_grad();
        const double Step = 1e-2;
        for (var k = 0; k < 3; k++)
        {
            z[k].add_(Step);
            var up = adapter.call(x).square().sum().item<float>();
            z[k].sub_(2 * Step);
            var slope = (up - adapter.call(x).square().sum().item<float>()) / (2 * Step);
            z[k].add_(Step);
            Assert.AreEqual(slope, z.grad![k].item<float>(), 0.01 * Math.Max(1, Math.Abs(slope)), $"z[{k}]");
        }
    }

    [TestMethod]
    public void A_rank_above_the_smaller_side_is_refused()
        => StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(new LoLduOptions { Rank = 5 }, Layer())).Message, "r is 5 and 'block.0.query' (4 × 6) has 4 pivots");

    [TestMethod]
    public void A_start_is_called_what_the_authors_call_it()
    {
        string[] names = [.. Enum.GetValues<LoLduStart>().Select(start => new LoLduOptions { Start = start }.ToJson().Split('\n').Single(line => line.Contains("\"init\"", StringComparison.Ordinal)).Split('"')[3])];
        CollectionAssert.AreEqual(new[] { "lu", "uniform", "s_uniform", "normal", "s_normal", "constant", "ones", "zeros" }, names);
    }
}
