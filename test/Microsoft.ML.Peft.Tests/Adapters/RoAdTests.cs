using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class RoAdTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new RoAdOptions { GroupSize = 4 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(1, outputs);

    [TestMethod]
    public void A_quarter_turn_swaps_the_halves_of_a_group()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Fill(adapter, "road_theta", Math.PI / 2);
        Fill(adapter, "road_alpha", 2);
        var x = Input();
        var z = Base(layer, x);

        AssertClose(cat([z[.., .., 2..].mul(-2), z[.., .., ..2].mul(2)], -1), adapter.call(x));
    }

    [TestMethod]
    public void Four_numbers_of_an_output_are_its_two_scales_and_two_angles()
    {
        using var initialization = new Initialization(0);
        var layer = Layer();
        using var adapter = new RoAd(layer, new() { GroupSize = 2, Variant = RoAdVariant.Road4 }, new AdapterBuild([], initialization));
        Randomize(adapter);
        var (theta, alpha, x) = (Parameter(adapter, "road_theta"), Parameter(adapter, "road_alpha"), Input());
        var z = Base(layer, x);
        var expected = zeros_like(z);
        for (var group = 0; group < 2; group++) // numbers of a group: cosine of both outputs, then sine of both
        {
            var (first, second, at) = (z[.., .., 2 * group], z[.., .., (2 * group) + 1], 4 * group);
            expected[.., .., 2 * group] = (alpha[at] * theta[at].cos() * first) - (alpha[at + 2] * theta[at + 2].sin() * second);
            expected[.., .., (2 * group) + 1] = (alpha[at + 1] * theta[at + 1].cos() * second) + (alpha[at + 3] * theta[at + 3].sin() * first);
        }

        AssertClose(expected, adapter.call(x));
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(229_376, 28 * (Count(2, 3072) + Count(2, 1024))); // road_2

    private static long Count(long angles, long outputs) => angles * outputs;

    [TestMethod]
    public void Groups_that_do_not_divide_are_refused()
    {
        using var initialization = new Initialization(0);
        var error = Assert.ThrowsExactly<PeftException>(() => new RoAd(Layer(), new() { GroupSize = 64 }, new AdapterBuild([], initialization)));

        StringAssert.StartsWith(error.Message, "GroupSize is 64, which does not divide the 4 outputs of 'block.0.query'");
    }

    [TestMethod]
    [DataRow("\"group_size\": 3", "GroupSize is 3; it must be even")]
    [DataRow("\"variant\": \"road_3\"", "road_3")]
    public void Settings_outside_their_range_are_refused(string field, string sentence)
    {
        var error = Assert.Throws<Exception>(() => AdapterOptions.FromJson($"{{\"peft_type\": \"ROAD\", {field}}}", "adapter_config.json"));

        StringAssert.Contains(error.Message, sentence);
    }
}

/// <summary>An angle and a scale for each output.</summary>
[TestClass]
public sealed class RoAd2Tests : LinearAdapterContract
{
    protected override AdapterOptions Options => new RoAdOptions { GroupSize = 2, Variant = RoAdVariant.Road2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * outputs;
}
