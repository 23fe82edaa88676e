using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What PaCA owes.</summary>
[TestClass]
public sealed class PacaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PacaOptions { Rank = 3, Alpha = 6 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * outputs;

    [TestMethod]
    public void Columns_that_are_not_trained_keep_their_bits()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var indices = adapter.named_parameters().Single(p => p.name == "paca_indices").parameter.data<long>().ToArray();
        var merged = adapter.Materialize(layer.Weight.Dense());

        Assert.AreEqual(3, indices.Distinct().Count());
        for (var column = 0; column < 6; column++)
        {
            var same = layer.Weight.Dense().select(1, column).contiguous().bytes.SequenceEqual(merged.select(1, column).contiguous().bytes);
            Assert.AreEqual(!indices.Contains(column), same, $"column {column}");
        }
    }

    [TestMethod]
    public void The_columns_can_be_chosen_by_their_norm()
    {
        var layer = Layer();
        var norms = layer.Weight.Dense().square().sum([0L]).data<float>().ToArray();
        foreach (var selection in (PacaSelection[])[PacaSelection.LargestNorm, PacaSelection.SmallestNorm])
        {
            var part = MethodCase.Parts(new PacaOptions { Rank = 1, Selection = selection }, layer).Single();
            var chosen = (int)part.named_parameters().Single(p => p.name == "paca_indices").parameter.item<long>();
            Assert.AreEqual(selection == PacaSelection.LargestNorm ? norms.Max() : norms.Min(), norms[chosen]);
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_start_has_the_bits_of_the_base(bool biased)
    {
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), biased ? randn(4) : null);
        var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 3, Alpha = 6 }, layer).Single(); // s is a power of two
        foreach (var x in (Tensor[])[randn(5, 6), Input()])
        {
            Assert.IsTrue(Base(layer, x).bytes.SequenceEqual(adapter.call(x).bytes));
        }
    }

    // With s·c the columns move as far as with s if the rate is divided by c².
    [TestMethod]
    public void The_scale_is_a_factor_of_the_learning_rate()
    {
        var (x, target) = (Input(), randn(2, 3, 4));
        AssertClose(Trained(6, 0.1, adam: false), Trained(12, 0.1 / 4, adam: false));
        AssertClose(Trained(6, 0.1, adam: true), Trained(12, 0.1 / 2, adam: true)); // Adam's steps are as long whatever the gradient is

        Tensor Trained(double alpha, double rate, bool adam)
        {
            var layer = Layer();
            var adapter = (Paca)MethodCase.Parts(new PacaOptions { Rank = 3, Alpha = alpha }, layer).Single();
            TorchSharp.Modules.Parameter[] parameters = [Parameter(adapter, "paca_P")];
            using optim.Optimizer optimizer = adam ? optim.Adam(parameters, rate, eps: 1e-20) : optim.SGD(parameters, rate);
            for (var step = 0; step < 5; step++)
            {
                optimizer.zero_grad();
                (adapter.call(x) - target).square().mean().backward();
                optimizer.step();
            }

            return adapter.Materialize(layer.Weight.Dense());
        }
    }

    [TestMethod]
    public void Counts_are_those_of_the_paper()
    {
        Assert.AreEqual(10_878_976, 32 * Layer7(8, 4096, 4096, 11_008)); // LLaMA2-7B
        Assert.AreEqual(21_757_952, 32 * Layer7(16, 4096, 4096, 11_008));
        Assert.AreEqual(11_010_048, 32 * Layer7(8, 4096, 1024, 14_336)); // LLaMA3-8B
        Assert.AreEqual(88_080_384, 32 * Layer7(64, 4096, 1024, 14_336));

        static long Layer7(long rank, long hidden, long keys, long inner) => rank * ((3 * hidden) + (2 * keys) + (2 * inner)); // the contract pins r·out a layer
    }
}
