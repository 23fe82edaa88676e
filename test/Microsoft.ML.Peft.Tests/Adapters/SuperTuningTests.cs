using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class SuperTuningTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new SuperTuningOptions { Sparsity = 0.75, Rank = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (inputs * outputs / 4) + (2 * (inputs + outputs));

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_largest_or_smallest_numbers_are_trained(bool largest)
    {
        var layer = Layer();
        using var initialization = new Initialization(0);
        var adapter = new SuperTuning(layer, new() { Sparsity = 0.5, Largest = largest }, new AdapterBuild([layer], initialization));
        Fill(adapter, "supertuning_values", 3);
        var size = layer.Weight.Dense().abs();
        var chosen = adapter.Delta().ne(0);

        Assert.AreEqual(12, chosen.sum().item<long>());
        var (inside, outside) = (size[chosen], size[chosen.logical_not()]);
        Assert.IsTrue(largest ? inside.min().item<float>() > outside.max().item<float>() : inside.max().item<float>() < outside.min().item<float>());
        AssertClose(chosen.to(ScalarType.Float32) * 3, adapter.Delta());
    }

    [TestMethod]
    public void The_product_beside_them_is_scaled_by_two_where_alpha_is_not_given()
    {
        var adapter = (SuperTuning)Wrap(Layer());
        Fill(adapter, "supertuning_lora_A", 1);
        Fill(adapter, "supertuning_lora_B", 1); // 2 · 2/1 … rank 2: B·A is 2, times α/r = 2

        AssertClose(full(4, 6, 4.0), adapter.Delta());
    }

    [TestMethod]
    public void Places_can_be_left_out_of_the_file()
    {
        using var initialization = new Initialization(0);
        var adapter = new SuperTuning(Layer(), new() { Sparsity = 0.5, SavesIndices = false }, new AdapterBuild([], initialization));

        Assert.IsFalse(adapter.IsSaved("supertuning_indices"));
        Assert.IsFalse(adapter.IsRequired("supertuning_indices"));
        Assert.IsTrue(adapter.IsSaved("supertuning_values"));
    }

    [TestMethod]
    public void Settings_outside_their_range_are_refused()
    {
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(() => new SuperTuningOptions { Alpha = 3 }.Validate()).Message, "Alpha is 3 and Rank is not set");
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new SuperTuningOptions { Sparsity = 1 }.Validate()).Message, "Sparsity is 1; it must be");
        using var initialization = new Initialization(0);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new SuperTuning(Layer(), new() { Sparsity = 0.99 }, new AdapterBuild([], initialization))).Message,
            "Sparsity is 0.99, which leaves none of the 24 numbers");
    }
}
