using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Adapters on weights of the caller's own, without a model.</summary>
[TestClass]
public sealed class LooseWeightTests
{
    [TestMethod]
    public void Parts_compute_the_adapted_layers()
    {
        using var scope = NewDisposeScope();
        var (first, second, bias, x) = (randn(4, 6), randn(3, 4), randn(3), randn(5, 6));
        using var set = AdapterSet.ForWeights(new LoraOptions { Rank = 2, Alpha = 6 }, [new("a", first), new("b", second, bias)], seed: 1);
        var parts = set.Adapters.OfType<Lora>().ToList();
        using (no_grad())
        {
            set.TrainedParameters().ToList().ForEach(p => p.Parameter.normal_());
        }

        Assert.AreEqual(2 * (6 + 4) + 2 * (4 + 3), set.TrainableCount);
        var numbers = set.Parameters().ToDictionary(p => p.FileName, p => p.Parameter);
        var hidden = x.mm(first.t()) + x.mm(numbers["base_model.model.a.lora_A.weight"].t()).mm(numbers["base_model.model.a.lora_B.weight"].t()) * 3;
        var expected = hidden.mm(second.t()) + bias + hidden.mm(numbers["base_model.model.b.lora_A.weight"].t()).mm(numbers["base_model.model.b.lora_B.weight"].t()) * 3;
        Assert.IsTrue(expected.allclose(parts[1].call(parts[0].call(x)), rtol: 1e-4, atol: 1e-4));
    }

    [TestMethod]
    public void What_is_no_weight_or_needs_a_model_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.ThrowsExactly<ArgumentException>(() => AdapterSet.ForWeights(new LoraOptions(), [], 1));
        var shape = Assert.ThrowsExactly<ArgumentException>(() => AdapterSet.ForWeights(new LoraOptions(), [new("a", zeros(2, 3), zeros(3))], 1));
        StringAssert.Contains(shape.Message, "'a' has a weight of shape (2, 3) and a bias of shape (3)");
        Assert.ThrowsExactly<PeftException>(() => AdapterSet.ForWeights(new PromptTuningOptions(), [new("a", zeros(2, 3))], 1));
    }
}
