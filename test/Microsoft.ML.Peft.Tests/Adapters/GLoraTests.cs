using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class GLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new GLoraOptions { Rank = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 2 * (inputs + outputs)) + (2 * (inputs + 1)) + 2;

    [TestMethod]
    [DataRow(GLoraForm.Lora, GLoraForm.Lora, GLoraForm.Vector)]
    [DataRow(GLoraForm.Vector, GLoraForm.Vector, GLoraForm.Constant)]
    [DataRow(GLoraForm.Constant, GLoraForm.None, GLoraForm.None)]
    [DataRow(GLoraForm.None, GLoraForm.Vector, GLoraForm.Vector)]
    public void Weight_and_bias_are_those_of_the_formula(GLoraForm weight, GLoraForm input, GLoraForm bias)
    {
        var layer = Layer();
        using var initialization = new Initialization(0);
        var adapter = new GLora(
            layer, new() { Rank = 2, WeightForm = weight, InputForm = input, BiasForm = bias }, new AdapterBuild([layer], initialization));
        Randomize(adapter);
        var (w, b) = (layer.Weight.Dense(), layer.Bias!);
        var (expectedWeight, expectedBias) = (w + (w * Value("A")) + Value("B"), b + (b * Value("D")) + Value("E") + w.mm(Value("C")).squeeze(1));

        AssertClose(expectedWeight, adapter.Materialize(w));
        AssertClose(expectedBias, adapter.MaterializeBias(b)!);
        var x = Input();
        AssertClose(nn.functional.linear(x, expectedWeight, expectedBias), adapter.call(x));

        Tensor Value(string name)
        {
            var parts = adapter.named_parameters().Where(p => p.name.StartsWith($"glora_{name}-", StringComparison.Ordinal)).ToDictionary(p => p.name[8..], p => (Tensor)p.parameter);
            return parts.TryGetValue("Xd", out var down) ? down.mm(parts["Xu"]) : parts.Values.Single();
        }
    }

    [TestMethod]
    public void A_layer_without_a_bias_gets_none()
    {
        var layer = new LinearLayer("query", 0, new DenseWeight(randn(4, 6)), null);
        var adapter = Wrap(layer);
        Randomize(adapter);

        Assert.IsNull(((GLora)adapter).MaterializeBias(null));
        CollectionAssert.IsSubsetOf(new[] { "glora_C.zeros", "glora_D.zeros", "glora_E.zeros" }, adapter.named_parameters().Select(p => adapter.FileName(p.name)).ToArray());
    }

    [TestMethod]
    public void Forms_that_do_not_fit_are_refused()
    {
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new GLoraOptions { InputForm = GLoraForm.Constant }.Validate()).Message, "InputForm is Constant");
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new GLoraOptions { BiasForm = GLoraForm.Lora }.Validate()).Message, "BiasForm is Lora");
    }
}
