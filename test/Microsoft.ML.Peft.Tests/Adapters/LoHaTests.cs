using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class LoHaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoHaOptions { Rank = 2, Alpha = 4 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    [TestMethod]
    public void Delta_is_the_scaled_product_of_two_products()
    {
        var adapter = (LoHa)Wrap(Layer());
        Fill(adapter, "hada_w1_a", 1);
        Fill(adapter, "hada_w1_b", 2); // 2 · 1 · 2 = 4
        Fill(adapter, "hada_w2_a", 3);
        Fill(adapter, "hada_w2_b", 1); // 2 · 3 · 1 = 6

        AssertClose(full(4, 6, 4 * 6 * 2.0), adapter.Delta());
    }

    [TestMethod]
    public void A_thin_product_of_a_large_layer_gives_the_same()
    {
        var layer = Layer(40, 30);
        var adapter = (LoHa)Wrap(layer); // r² · 70 is below 1200
        Randomize(adapter);
        var x = randn(3, 40);

        AssertClose(Base(layer, x) + nn.functional.linear(x, adapter.Delta()), adapter.call(x));
    }

    [TestMethod]
    public void Dropout_takes_rows_of_the_update_and_keeps_its_mean_size()
    {
        using var initialization = new Initialization(0);
        var layer = Layer(6, 40);
        using var adapter = new LoHa(layer, new() { Rank = 1, RankDropout = 0.5 }, new AdapterBuild([], initialization));
        foreach (var (name, _) in adapter.named_parameters())
        {
            Fill(adapter, name, 1);
        }

        var x = ones(2, 6);
        adapter.train();
        var update = adapter.call(x) - Base(layer, x);
        var kept = update[0].abs().gt(1e-3);

        Assert.IsTrue(kept.any().item<bool>() && !kept.all().item<bool>());
        AssertClose(update[0], update[1]); // the same rows for every token
        AssertClose(tensor(6f * 8), update[0].mean()); // divided by the share that is kept
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(18_350_080, 28 * (Count(32, 3072, 3072) + Count(32, 3072, 1024)));

    [TestMethod]
    [DataRow("\"r\": 0", "Rank is 0; it must be")]
    [DataRow("\"module_dropout\": 1", "ModuleDropout is 1; it must be")]
    public void Settings_outside_their_range_are_refused(string field, string sentence)
    {
        var error = Assert.Throws<Exception>(() => AdapterOptions.FromJson($"{{\"peft_type\": \"LOHA\", {field}}}", "adapter_config.json"));

        StringAssert.Contains(error.Message, sentence);
    }

    private static long Count(long rank, long inputs, long outputs) => 2 * rank * (inputs + outputs);
}
