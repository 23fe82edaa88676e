using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Tests.Contracts;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class HiraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new HiraOptions { Rank = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * (inputs + outputs);

    [TestMethod]
    public void Delta_is_the_weight_times_the_product()
    {
        var layer = Layer();
        var hira = (Hira)Wrap(layer);
        Fill(hira, "hira_A", 3);
        Fill(hira, "hira_B", 0.5); // B·A is 2 · 3 · 0.5 = 3

        AssertClose(layer.Weight.Dense() * 3, hira.Delta());
    }

    [TestMethod]
    [DataRow("true", HiraStart.Default)]
    [DataRow("false", HiraStart.Random)]
    [DataRow("\"gaussian\"", HiraStart.Gaussian)]
    public void Starts_are_written_as_they_are_read(string json, HiraStart start)
    {
        var options = (HiraOptions)AdapterOptions.FromJson($"{{\"peft_type\": \"HIRA\", \"init_weights\": {json}}}", "test");

        Assert.AreEqual(start, options.Start);
        StringAssert.Contains(options.ToJson(), $"\"init_weights\": {json}");
    }

    [TestMethod]
    public void An_unknown_start_is_refused()
        => StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => AdapterOptions.FromJson("{\"peft_type\": \"HIRA\", \"init_weights\": \"pissa\"}", "test")).Message,
            "init_weights is 'pissa', which is not supported; supported are true, false, \"gaussian\".");
}
