using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What Hydra owes, and its formula.</summary>
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
    public void Without_one_branch_it_is_lora_or_a_change_of_the_output()
    {
        var (layer, x) = (Layer(), Input());
        var parallel = Make(new() { ParallelRank = 2, SequentialRank = 0, Scaling = 3 }, layer);
        var (a, b) = (Parameter(parallel, "A_p"), Parameter(parallel, "B_p"));
        AssertClose(Base(layer, x) + x.matmul(a.t()).matmul(b.t()) * 3, parallel.call(x));

        var sequential = Make(new() { ParallelRank = 0, SequentialRank = 2, Scaling = 3 }, layer);
        (a, b) = (Parameter(sequential, "A_s"), Parameter(sequential, "B_s"));
        AssertClose(Base(layer, x).matmul((eye(4) + (b.mm(a) * 3)).t()), sequential.call(x));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void It_is_a_lora_of_both_ranks_with_a_bias(bool biases)
    {
        var options = new HydraOptions { ParallelRank = 2, SequentialRank = 3, Scaling = 2, UseBias = biases };
        var hydra = Make(options, Layer());
        using var set = AdapterSet.Of("x", options, [hydra], 1);
        using var lora = AdapterConversion.ToLora(set);

        Assert.AreEqual(5, ((LoraOptions)lora.Options!).Rank);
        Assert.IsTrue(((LoraOptions)lora.Options!).HasBias);
        var x = Input();
        AssertClose(hydra.call(x), ((Lora)lora.Adapters.Single()).call(x));
    }

    [TestMethod]
    public void A_layer_without_a_bias_gets_one_by_the_merge_which_goes_again()
    {
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), null);
        var (first, second) = (Make(new() { UseBias = true }, layer), Make(new() { UseBias = true, SequentialRank = 2 }, layer));
        var x = Input();
        var (bare, expected) = (Base(layer, x), first.call(x));
        using var context = ForwardContext.Predicting();
        var both = new LayerCall(layer, [first, second], context).Forward(x);
        using (new MergedWeights([first], safe: true))
        {
            AssertClose(expected, Base(layer, x));
            AssertClose(expected, Base((LinearLayer)layer.Under("alias"), x));
            using (new MergedWeights([second], safe: true))
            {
                Assert.IsFalse(Base(layer, x).allclose(expected));
            }

            AssertClose(expected, Base(layer, x));
        }

        Assert.IsNull(layer.Bias);
        Assert.IsTrue(bare.eq(Base(layer, x)).all().item<bool>());
        using (new MergedWeights([first, second]))
        {
            Golden.Close.Assert(both.detach(), Base(layer, x).detach(), "both", 1e-4);
        }

        Assert.IsNull(layer.Bias);
    }

    private Hydra Make(HydraOptions options, LinearLayer layer)
    {
        var hydra = (Hydra)MethodCase.Parts(options, layer).Single();
        Randomize(hydra);
        return hydra;
    }
}
