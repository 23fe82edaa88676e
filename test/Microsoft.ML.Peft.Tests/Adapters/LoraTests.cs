using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What is LoRA's own; what every adapter owes is inherited from <see cref="LinearAdapterContract"/>.</summary>
[TestClass]
public sealed class LoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoraOptions { Rank = 2, Alpha = 4 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    [DataRow(false, 4.0)]
    [DataRow(true, 8.0)]
    public void Delta_is_the_scaled_product_of_the_paper(bool rankStabilized, double scale)
    {
        using var initialization = new Initialization(0);
        using var lora = new Lora(Layer(4, 5), new() { Rank = 4, Alpha = 16, RankStabilized = rankStabilized }, new AdapterBuild([], initialization));
        Fill(lora, "lora_A", 2); // (4, 4)
        Fill(lora, "lora_B", 3); // (5, 4): every entry of B·A is 4 · 3 · 2 = 24

        AssertClose(full(5, 4, 24 * scale), lora.Delta());
    }

    [TestMethod]
    public void Dropout_acts_in_training_only()
    {
        using var initialization = new Initialization(0);
        using var lora = new Lora(Layer(40, 5), new() { Rank = 2, Dropout = 0.5 }, new AdapterBuild([], initialization));
        Randomize(lora);
        var x = randn(3, 40);
        lora.eval();
        AssertClose(lora.call(x), lora.call(x));
        lora.train();
        Assert.IsFalse(lora.call(x).allclose(lora.call(x)));
    }

    [TestMethod]
    public void Patterns_choose_rank_and_alpha_of_a_layer()
    {
        using var initialization = new Initialization(0);
        var options = new LoraOptions
        {
            Rank = 4,
            Alpha = 4,
            RankPattern = new Dictionary<string, int> { ["query"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["key"] = 1, [@"block\.0\.query"] = 6 },
        };
        using var lora = new Lora(Layer(4, 5), options, new AdapterBuild([], initialization));
        Fill(lora, "lora_A", 1);
        Fill(lora, "lora_B", 1); // rank 2, alpha 6: 2 · 6/2 = 6

        AssertClose(full(5, 4, 6.0), lora.Delta());
    }

    [TestMethod]
    [DataRow(0, 8.0, 0.0, "Rank is 0; it must be")]
    [DataRow(8, 0.0, 0.0, "Alpha is 0; it must be")]
    [DataRow(8, double.NaN, 0.0, "Alpha is NaN; it must be")]
    [DataRow(8, 8.0, 1.0, "Dropout is 1; it must be")]
    public void Settings_outside_their_range_are_refused(int rank, double alpha, double dropout, string sentence)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new LoraOptions { Rank = rank, Alpha = alpha, Dropout = dropout }.Validate());

        StringAssert.StartsWith(error.Message, sentence);
    }

    [TestMethod]
    [DataRow("\"use_qalora\": true", "use_qalora")]
    [DataRow("\"init_lora_weights\": \"no_such\"", "no_such")]
    [DataRow("\"peft_type\": \"NO_SUCH\"", "NO_SUCH")]
    public void A_file_that_asks_for_what_is_not_there_is_refused(string field, string named)
    {
        var json = field.Contains("peft_type", StringComparison.Ordinal) ? $"{{{field}}}" : $"{{\"peft_type\": \"LORA\", {field}}}";
        var error = Assert.ThrowsExactly<PeftException>(() => AdapterOptions.FromJson(json, "adapter_config.json"));

        StringAssert.Contains(error.Message, named);
    }
}
