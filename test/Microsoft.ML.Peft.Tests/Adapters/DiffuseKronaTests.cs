using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class DiffuseKronaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DiffuseKronaOptions { A1 = 2, A2 = 3, Scaling = 0.5 };

    protected override long TrainedNumbers(long inputs, long outputs) => 6 + (inputs / 3 * (outputs / 2));

    [TestMethod]
    [DataRow(3, 2, KronaLayout.Kron)]
    [DataRow(6, 1, KronaLayout.Kron)]
    [DataRow(1, 8, KronaLayout.Kron)]
    [DataRow(4, 4, KronaLayout.Shuffled)]
    [DataRow(12, 8, KronaLayout.Shuffled)]
    public void The_product_is_Kroneckers_in_either_order(int a1, int a2, KronaLayout layout)
    {
        var layer = Layer(8, 12);
        var adapter = Made(layer, new() { A1 = a1, A2 = a2, Scaling = 3, Layout = layout });
        Randomize(adapter);
        var (b1, b2) = (12 / a1, 8 / a2);
        var expected = zeros(12, 8);
        for (var row = 0; row < 12; row++)
        {
            for (var column = 0; column < 8; column++)
            {
                var place = layout == KronaLayout.Kron ? row : (row % b1 * a1) + (row / b1);
                expected[place, column] = 3 * adapter.A[row / b1, column / b2] * adapter.B[row % b1, column % b2];
            }
        }

        AssertClose(expected, adapter.Delta());
        foreach (var x in new[] { randn(5, 8), randn(2, 3, 8), randn(2, 3, 2, 8) })
        {
            AssertClose(Base(layer, x) + nn.functional.linear(x, expected), adapter.call(x));
        }
    }

    [TestMethod]
    [DataRow(2, 3)]
    [DataRow(4, 4)]
    public void The_rank_is_the_product_of_the_factors_ranks(int rankOfA, int rankOfB)
    {
        var adapter = Made(Layer(16, 16), new() { A1 = 4, A2 = 4 });
        using (no_grad())
        {
            Parameter(adapter, "krona_A").copy_(randn(4, rankOfA).mm(randn(rankOfA, 4)));
            Parameter(adapter, "krona_B").copy_(randn(4, rankOfB).mm(randn(rankOfB, 4)));
        }

        Assert.AreEqual(rankOfA * rankOfB, linalg.svdvals(adapter.Delta()).gt(1e-4).sum().item<long>());
    }

    [TestMethod]
    public void The_first_step_moves_B_alone_which_has_no_decay()
    {
        var adapter = Made(Layer(), new() { A1 = 2, A2 = 3 });
        adapter.call(Input()).square().sum().backward();

        Assert.AreEqual(0, Parameter(adapter, "krona_A").grad!.count_nonzero().item<long>());
        Assert.AreNotEqual(0, Parameter(adapter, "krona_B").grad!.count_nonzero().item<long>());
        Assert.IsTrue(adapter.GroupOf("krona_A").Decays);
        Assert.IsFalse(adapter.GroupOf("krona_B").Decays);
    }

    [TestMethod]
    public void A_starts_with_the_deviation_of_the_code()
        => Assert.AreEqual(1.0 / 64, Made(Layer(512, 64), new() { A1 = 64, A2 = 256 }).A.std().item<float>(), 0.0005);

    // 70 transformer layers of SDXL's UNet: self-attention d × d, cross-attention with keys and values of 2048 inputs.
    [TestMethod]
    [DataRow(64, 4, 3_874_560L)]
    [DataRow(64, 8, 2_152_320L)]
    [DataRow(64, 16, 1_506_240L)]
    public void Counts_on_the_papers_model_are_met(int a1, int a2, long expected)
    {
        (long Width, int Layers)[] widths = [(640, 10), (1280, 60)];
        var count = widths.Sum(w => w.Layers * ((6 * Of(w.Width, w.Width)) + (2 * Of(2048, w.Width))));

        Assert.AreEqual(expected, count);

        long Of(long inputs, long outputs)
        {
            var (first, second) = new DiffuseKronaOptions { A1 = a1, A2 = a2 }.FactorsOf("to_q", outputs, inputs);
            return (first * second) + (outputs / first * (inputs / second));
        }
    }

    [TestMethod]
    public void A_single_layer_of_it_has_3712_numbers()
    {
        var parts = Made(Layer(1280, 1280), new() { A1 = 64, A2 = 8 });
        Assert.AreEqual(512 + (20 * 160), parts.parameters().Sum(p => p.numel()));
    }

    [TestMethod]
    [DataRow(1280, 1280, 64, 4)]
    [DataRow(30, 50, 30, 10)]  // 25 divides the inputs, and 10 · 25 would have a1 below a2
    [DataRow(7, 5, 7, 5)]
    public void Sizes_that_are_not_given_come_near_the_papers_product(int outputs, int inputs, int a1, int a2)
        => Assert.AreEqual((a1, a2), DiffuseKronaOptions.Usual(outputs, inputs));

    [TestMethod]
    public void Sizes_can_differ_by_layer()
    {
        var options = new DiffuseKronaOptions { A1 = 2, A2 = 3, FactorPattern = new Dictionary<string, IReadOnlyList<int>> { ["value"] = [4, 1] } };
        options = (DiffuseKronaOptions)AdapterOptions.FromJson(options.ToJson(), "test");

        Assert.AreEqual((4, 1), options.FactorsOf("layer.0.value", 4, 6));
        Assert.AreEqual((2, 3), options.FactorsOf("layer.0.query", 4, 6));
    }

    [TestMethod]
    [DataRow(3, 3, "a1 is 3 and 'block.0.query' has 4 outputs; it must be one of their divisors 1, 2, 4.")]
    [DataRow(2, 4, "a2 is 4 and 'block.0.query' has 6 inputs; it must be one of their divisors 1, 2, 3, 6.")]
    public void Sizes_that_do_not_divide_the_layer_are_refused(int a1, int a2, string message)
        => Assert.AreEqual(message, Assert.ThrowsExactly<PeftException>(() => Made(Layer(), new() { A1 = a1, A2 = a2 })).Message);

    [TestMethod]
    public void Half_a_size_is_refused()
        => StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => new DiffuseKronaOptions { A1 = 3 }.Validate()).Message, "A1 is 3 and A2 is not set; set both");

    private DiffuseKrona Made(LinearLayer layer, DiffuseKronaOptions options)
    {
        using var initialization = new Initialization(3);
        var adapter = new DiffuseKrona(layer, options, new AdapterBuild([layer], initialization));
        adapter.eval();
        return adapter;
    }
}
