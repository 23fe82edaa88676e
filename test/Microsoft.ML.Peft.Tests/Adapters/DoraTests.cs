using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What is DoRA's own.</summary>
[TestClass]
public sealed class DoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Alpha = 4, UseDora = true };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * (inputs + outputs)) + outputs;

    [TestMethod]
    public void Rows_of_the_merged_weight_have_the_trained_lengths()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var lengths = adapter.named_parameters().Single(p => p.name == "lora_magnitude_vector").parameter;

        AssertClose(lengths.abs(), adapter.Materialize(layer.Weight.Dense()).square().sum(1).sqrt());
    }

    [TestMethod]
    public void The_norm_is_a_constant_in_the_gradient()
    {
        // dL/dB of L = Σ y with the norm held fixed: (m/n)·s·1·(A·x)ᵀ, computed without the adapter.
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var named = adapter.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var (a, b, m) = (named["lora_A"], named["lora_B"], named["lora_magnitude_vector"]);
        var x = randn(5, 6);

        adapter.call(x).sum().backward();

        var norm = (layer.Weight.Dense() + (2 * b.mm(a))).square().sum(1).sqrt();
        var expected = (m / norm * 2).unsqueeze(1) * x.sum([0]).unsqueeze(0).mm(a.t());
        AssertClose(expected.detach(), b.grad!);
    }

    [TestMethod]
    public void Training_without_dropout_and_predicting_are_the_same_and_dropout_keeps_the_mean_path()
    {
        var adapter = Wrap(Layer());
        Randomize(adapter);
        var x = Input();
        var expected = adapter.call(x);

        adapter.train();

        AssertClose(expected, adapter.call(x));
    }
}
