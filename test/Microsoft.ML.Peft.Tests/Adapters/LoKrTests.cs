using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class LoKrTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoKrOptions { Rank = 1, Alpha = 2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(1, -1, inputs, outputs);

    [TestMethod]
    [DataRow(128, -1, 8L, 16L)]
    [DataRow(256, -1, 16L, 16L)]
    [DataRow(127, -1, 1L, 127L)]
    [DataRow(128, 4, 4L, 32L)]
    [DataRow(16, 8, 8L, 2L)]  // a divisor is taken as it is
    [DataRow(20, 3, 2L, 10L)]
    [DataRow(20, 6, 4L, 5L)]
    [DataRow(18, 4, 3L, 6L)]
    public void Sizes_are_split_as_the_specification_says(int size, int factor, long first, long second)
        => Assert.AreEqual((first, second), LoKr.Factors(size, factor));

    [TestMethod]
    [DataRow(false, 8, false, false)]
    [DataRow(true, 1, true, true)]
    [DataRow(false, 1, false, true)]
    public void The_product_is_Kroneckers_whatever_is_of_low_rank(bool both, int rank, bool firstIsThin, bool secondIsThin)
    {
        using var initialization = new Initialization(0);
        var layer = Layer(24, 12); // 12 = 3·4, 24 = 4·6
        using var adapter = new LoKr(layer, new() { Rank = rank, Alpha = 3 * rank, DecomposeBoth = both }, new AdapterBuild([], initialization));
        adapter.eval();
        Randomize(adapter);
        var names = adapter.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        Assert.AreEqual(firstIsThin, names.ContainsKey("lokr_w1_a"));
        Assert.AreEqual(secondIsThin, names.ContainsKey("lokr_w2_a"));
        var w1 = firstIsThin ? names["lokr_w1_a"].mm(names["lokr_w1_b"]) : names["lokr_w1"];
        var w2 = secondIsThin ? names["lokr_w2_a"].mm(names["lokr_w2_b"]) : names["lokr_w2"];
        var expected = zeros(12, 24);
        for (var row = 0; row < 12; row++)
        {
            for (var column = 0; column < 24; column++)
            {
                expected[row, column] = 3 * w1[row / 4, column / 6] * w2[row % 4, column % 6];
            }
        }

        AssertClose(expected, adapter.Delta());
        var x = randn(2, 3, 24);
        AssertClose(Base(layer, x) + nn.functional.linear(x, expected), adapter.call(x));
    }

    [TestMethod]
    [DataRow("true", LoKrStart.Default, "lokr_w1")]
    [DataRow("\"lycoris\"", LoKrStart.Lycoris, "lokr_w2_b")]
    public void Either_factor_may_start_at_zero(string written, LoKrStart start, string zero)
    {
        var options = (LoKrOptions)AdapterOptions.FromJson($"{{\"peft_type\": \"LOKR\", \"r\": 1, \"init_weights\": {written}}}", "adapter_config.json");
        Assert.AreEqual(start, options.Start);
        using var initialization = new Initialization(0);
        using var adapter = new LoKr(Layer(), options, new AdapterBuild([], initialization));

        Assert.AreEqual(zero, adapter.named_parameters().Single(p => p.parameter.count_nonzero().item<long>() == 0).name);
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(2_294_656, 28 * (Count(32, 4, 3072, 3072) + Count(32, 4, 3072, 1024)));

    // Both second factors are of low rank.
    private static long Count(long rank, long factor, long inputs, long outputs)
    {
        var ((l, k), (m, n)) = (LoKr.Factors(outputs, factor), LoKr.Factors(inputs, factor));
        return (l * m) + (rank * (k + n));
    }

    [TestMethod]
    public void A_start_that_is_not_known_is_refused()
        => Assert.ThrowsExactly<PeftException>(() => AdapterOptions.FromJson("{\"peft_type\": \"LOKR\", \"init_weights\": \"other\"}", "adapter_config.json"));
}
